"""Moving bytes from the source to the archive."""
