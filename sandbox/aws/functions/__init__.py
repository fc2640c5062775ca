"""Lambda functions as processes: the real runtime interface client, limits enforced from outside."""
