"""The outside world: GoPro's API, the archive, the tracker, the secret, the runs bucket; clients are passed in."""
