"""The folder of ``--state``: the whole account, kept from one invocation to the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sandbox.run.claimed_folder import Claim
from sandbox.run.errors import UsageError

MARKER = ".gopro-sandbox-state"
OBJECTS = "s3"
FILES = "bucket"
_ACCOUNT = "account.sqlite"
_NAMES = frozenset({MARKER, OBJECTS, FILES, _ACCOUNT, f"{_ACCOUNT}-wal", f"{_ACCOUNT}-shm"})
_CLAIM = Claim("--state", MARKER, _NAMES, "wait until that one has ended")
_OWNER_ONLY = 0o700
"""Nobody else may look into it: it holds cookies."""


@contextmanager
def state_folder(path: Path) -> Iterator[Path]:
    """The folder, locked against a second run; raises ``UsageError`` if not ours, ``SandboxError`` if in use."""
    with closing(_CLAIM.take(path)):
        path.chmod(_OWNER_ONLY)
        yield path


def check_apart(state: Path | None, out: Path | None) -> Path | None:
    """Return ``state``; ``UsageError`` if one folder lies in the other: each is for one purpose only."""
    if state is not None and out is not None:
        kept, evidence = state.resolve(), out.resolve()
        if kept.is_relative_to(evidence) or evidence.is_relative_to(kept):
            raise UsageError("--state and --out must be two folders, neither within the other")
    return state
