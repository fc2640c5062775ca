"""What the handlers call: rules and edges put together."""
