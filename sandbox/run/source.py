"""Where the media come from: a simulator of our own with a library that we know, or somebody else's server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sandbox.gopro import GoProServer, SimPiece, SimulatorError, builtin_library, library_at
from sandbox.run.comparison import Served, ServedPiece
from sandbox.run.errors import SandboxError, one_line
from sandbox.run.fingerprints import Fingerprint, fingerprint_of
from sandbox.run.leaks import cookie_secrets
from sandbox.run.options import RunOptions
from sandbox.run.preflight import check_settings
from sandbox.wire.disturbance import Disturbance

RAW = "raw_photo"
"""An original in the library's eyes, and an extra piece in the owner's."""


@dataclass(frozen=True, slots=True)
class Source:
    """A GoPro-speaking server in service.

    ``served`` is ``None`` for a server that is not ours: nobody can tell what it ought to serve. ``library_size`` gives
    the number of media that a listing of everything has; ``None`` as well when that changed during the run.
    ``cookies`` and ``tokens`` are the secrets to look for afterwards.
    """

    url: str
    credentials: Mapping[str, str] = field(repr=False)
    cookies: frozenset[str] = field(repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    served: Served | None = None
    library_size: Callable[[], int | None] = lambda: None
    violations: Callable[[], tuple[str, ...]] = tuple


@contextmanager
def open_source(options: RunOptions, folder: Path, disturbance: Disturbance) -> Iterator[Source]:
    """The server that the options ask for; the simulator's files are below ``folder``. Raises ``SandboxError``.

    Only the simulator can be disturbed: nobody else's server is ours to break.
    """
    if options.remote is not None:
        remote = options.remote
        yield Source(remote.url, remote.credentials, frozenset(cookie_secrets(remote.credentials["cookies"])))
        return
    with _simulator(options.library, folder, disturbance) as server:
        library = server.library
        listed = sum(medium.listed for medium in library)
        yield Source(
            url=server.url,
            credentials=server.credentials,
            cookies=frozenset(cookie_secrets(server.credentials["cookies"])),
            tokens=server.canaries,
            served=_served(server, _extra_pieces(options)),
            library_size=lambda: listed if server.library is library else None,
            violations=lambda: server.violations,
        )


@contextmanager
def _simulator(root: Path | None, folder: Path, disturbance: Disturbance) -> Iterator[GoProServer]:
    with ExitStack() as stack:
        try:
            library = builtin_library(folder / "library") if root is None else library_at(root)
            server = stack.enter_context(GoProServer(library, plan=disturbance.plan, callers=disturbance.callers))
        except SimulatorError as error:
            raise SandboxError(one_line(error)) from None
        yield server


@dataclass(frozen=True)
class _Piece:
    """A piece that the simulator serves; read when it must be compared, and once."""

    piece: SimPiece
    required: bool

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """What its bytes are."""
        return fingerprint_of(self.piece.content.blocks(0, self.piece.size))


def _extra_pieces(options: RunOptions) -> frozenset[str]:
    """Labels of side files that must arrive. Faults may keep one back, and an assembly's settings are not known."""
    if options.assembly is not None or options.faults is not None or options.seed is not None:
        return frozenset()
    return frozenset(check_settings(options.settings).extra_pieces.split(","))


def _served(server: GoProServer, wanted: frozenset[str]) -> Served:
    """What is served now: what a fault has changed at GoPro is changed here, and former versions stay allowed.

    With the originals come the side files that are ``wanted``; the others may come.
    """

    def served(media_id: str) -> list[ServedPiece]:
        originals, further = server.library.served(media_id), server.library.not_required(media_id)
        pieces = [_Piece(piece, piece.label != RAW or RAW in wanted) for piece in originals]
        return [*pieces, *(_Piece(piece, bool(originals) and piece.label in wanted) for piece in further)]

    return served
