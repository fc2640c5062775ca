"""The operations that the server has, one function each; ``table`` says which request means which."""
