"""What can be wrong with a simulator's library or address. Every message is one line and says what to do."""

from __future__ import annotations


class SimulatorError(Exception):
    """The simulator cannot start."""


class LibraryError(SimulatorError):
    """The library's folder cannot be served as it is."""


class PortInUse(SimulatorError):
    """Another program listens on the port asked for."""
