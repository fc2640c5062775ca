"""A GoPro cloud that fits on a laptop: API and CDN over HTTP, with the real ones' shapes, habits and refusals.

What it imitates was learnt from public clients and recorded answers; GoPro documents none of it.
"""

from sandbox.gopro.builtin import builtin_library
from sandbox.gopro.contents import Content, Seeded
from sandbox.gopro.described import described_library
from sandbox.gopro.directory import directory_library
from sandbox.gopro.errors import LibraryError, PortInUse, SimulatorError
from sandbox.gopro.journal import Exchange
from sandbox.gopro.library import Library, SimMedium, SimPiece
from sandbox.gopro.messages import Behaviour, FileSlice, Request, Response
from sandbox.gopro.opening import library_at
from sandbox.gopro.server import GoProServer

__all__ = [
    "Behaviour",
    "Content",
    "Exchange",
    "FileSlice",
    "GoProServer",
    "Library",
    "LibraryError",
    "PortInUse",
    "Request",
    "Response",
    "Seeded",
    "SimMedium",
    "SimPiece",
    "SimulatorError",
    "builtin_library",
    "described_library",
    "directory_library",
    "library_at",
]
