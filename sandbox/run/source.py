"""Where the media come from: a simulator of our own with a library that we know, or somebody else's server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.gopro import GoProServer, Library, SimulatorError, builtin_library, directory_library
from sandbox.run.comparison import Served, ServedPiece
from sandbox.run.errors import SandboxError, one_line
from sandbox.run.leaks import cookie_secrets
from sandbox.run.options import RunOptions
from sandbox.wire.disturbance import Disturbance


@dataclass(frozen=True, slots=True)
class Source:
    """A GoPro-speaking server in service.

    ``served`` and ``library_size`` are ``None`` for a server that is not ours: nobody can tell what it ought to serve.
    ``cookies`` and ``tokens`` are the secrets to look for afterwards.
    """

    url: str
    credentials: Mapping[str, str] = field(repr=False)
    cookies: frozenset[str] = field(repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    served: Served | None = None
    library_size: int | None = None
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
    with _simulator(options.library, folder, disturbance) as (library, server):
        yield Source(
            url=server.url,
            credentials=server.credentials,
            cookies=frozenset(cookie_secrets(server.credentials["cookies"])),
            tokens=server.canaries,
            served=_served(library),
            library_size=len(library.media),
            violations=lambda: server.violations,
        )


@contextmanager
def _simulator(root: Path | None, folder: Path, disturbance: Disturbance) -> Iterator[tuple[Library, GoProServer]]:
    with ExitStack() as stack:
        try:
            library = builtin_library(folder / "library") if root is None else directory_library(root)
            server = stack.enter_context(GoProServer(library, plan=disturbance.plan, callers=disturbance.callers))
        except SimulatorError as error:
            raise SandboxError(one_line(error)) from None
        yield library, server


def _served(library: Library) -> Served:
    def served(media_id: str) -> list[ServedPiece]:
        return list(library.served(media_id)) if media_id in library.by_id else []

    return served
