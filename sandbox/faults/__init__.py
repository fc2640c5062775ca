"""Faults from outside the program under test: a file that says which, or a seed that draws them, and what was done."""

from sandbox.faults.errors import FaultsError
from sandbox.faults.plan import Faults
from sandbox.faults.reading import load_faults, random_faults
from sandbox.faults.record import Fired, Record

__all__ = ["Faults", "FaultsError", "Fired", "Record", "load_faults", "random_faults"]
