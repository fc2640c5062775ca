"""What is wrong with a file of faults."""


class FaultsError(ValueError):
    """The file cannot be used. One line: which fault (by its number in the file), which key, and what to do."""
