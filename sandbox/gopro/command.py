"""``python -m sandbox gopro``: the simulator alone, until somebody stops it."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from pathlib import Path

from sandbox.gopro.builtin import builtin_library
from sandbox.gopro.directory import directory_library
from sandbox.gopro.errors import SimulatorError
from sandbox.gopro.operations import CDN_SERVICE
from sandbox.gopro.server import GoProServer
from sandbox.wire.orders import UNDISTURBED, Orders, Plan, undisturbed

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(
    port: int, library: Path | None, *, public_url: str | None = None, bytes_per_second: int | None = None
) -> int:
    """Serve the folder (or the built-in library) until SIGINT or SIGTERM and return the exit code.

    Prints one JSON object with ``url`` and ``credentials`` on stdout as soon as requests are answered. 0: stopped by a
    signal, the temporary files are gone. 1: the library or the port cannot be used, one line on stderr says why.
    ``public_url`` is the https address of whatever leads here from outside; links carry it. ``bytes_per_second`` is for
    each file on each connection.
    Call it from the main thread of a program that has no other threads yet: the two signals are held back from the
    beginning, so that one that comes early also finds everything cleaned up.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        with tempfile.TemporaryDirectory(prefix="gopro-simulator-") as scratch:
            media = directory_library(library) if library is not None else builtin_library(Path(scratch))
            with GoProServer(media, port=port, plan=pace(bytes_per_second), public_url=public_url) as server:
                announcement = json.dumps({"url": server.url, "credentials": server.credentials})
                sys.stdout.write(announcement + "\n")
                sys.stdout.flush()
                signal.sigwait(_STOP_SIGNALS)
    except SimulatorError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return 0


def pace(bytes_per_second: int | None) -> Plan:
    """Return the orders under which files, and nothing else, are sent so slowly; ``None``: as fast as it goes."""
    if bytes_per_second is None:
        return undisturbed
    slowly = Orders(rate=bytes_per_second)
    return lambda call: slowly if call.service == CDN_SERVICE else UNDISTURBED
