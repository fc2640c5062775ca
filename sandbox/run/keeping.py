"""The kept account of ``--state``, as far as a run has to know of it. Imports moto: import it late."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.aws.state import AccountState, StateError
from sandbox.run.errors import SandboxError, UsageError, one_line
from sandbox.run.options import RemoteGoPro, RunOptions

SIMULATOR = "the simulator"
_REMOTE = "a server of --gopro-url"


@contextmanager
def open_state(options: RunOptions) -> Iterator[AccountState | None]:
    """The kept account, ``None`` without ``--state``; raises ``SandboxError``.

    It is for one kind of source: an archive of a person's media and the simulator's must not get into one bucket.
    """
    if options.state is None:
        yield None
        return
    with _opened(options.state) as state:
        kind = SIMULATOR if options.remote is None else _REMOTE
        known = state.made_for(kind)
        if known != kind:
            raise UsageError(
                f"--state {options.state} was made with {known}, and this run is to use {kind}; give another folder"
            )
        yield state


def _opened(folder: Path) -> AccountState:
    try:
        return AccountState(folder)
    except (StateError, OSError) as error:
        raise SandboxError(f"--state {folder}: {one_line(error)}") from None


def with_kept_credentials(options: RunOptions, state: AccountState | None) -> RunOptions:
    """The options, completed by the kept account's secret where ``--gopro-url`` came without ``--credentials``."""
    remote = options.remote
    if state is None or remote is None or remote.credentials:
        return options
    kept = state.secret(remote.url)
    if kept is None:
        raise UsageError(
            f"--state {options.state} holds no cookies for {remote.url}; give --credentials FILE, once is enough"
        )
    return dataclasses.replace(options, remote=RemoteGoPro(remote.url, json.loads(kept)))
