"""``python -m sandbox gopro``: the simulator alone, until somebody stops it."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from sandbox.gopro.builtin import builtin_library
from sandbox.gopro.errors import SimulatorError
from sandbox.gopro.opening import library_at
from sandbox.gopro.operations import CDN_SERVICE
from sandbox.gopro.server import URL_LIFETIME, GoProServer
from sandbox.wire.calls import Call
from sandbox.wire.orders import Orders, Plan, undisturbed

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(
    port: int,
    library: Path | None,
    *,
    public_url: str | None = None,
    bytes_per_second: int | None = None,
    url_lifetime: int = URL_LIFETIME,
    plan: Plan = undisturbed,
) -> int:
    """Serve the library (or the built-in one) until SIGINT or SIGTERM and return the exit code.

    ``library`` is a folder or a ``.toml`` file. Prints one JSON object with ``url`` and ``credentials`` on stdout as
    soon as requests are answered. 0: stopped by a signal, the temporary files are gone. 1: the library or the port
    cannot be used, one line on stderr says why.
    ``public_url`` is the https address of whatever leads here from outside; links carry it. ``bytes_per_second`` is for
    each file on each connection. ``url_lifetime`` is in seconds. ``plan`` is asked about every request.
    Call it from the main thread of a program that has no other threads yet: the two signals are held back from the
    beginning, so that one that comes early also finds everything cleaned up.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    paced = pace(bytes_per_second, plan)
    try:
        with tempfile.TemporaryDirectory(prefix="gopro-simulator-") as scratch:
            media = library_at(library) if library is not None else builtin_library(Path(scratch))
            with GoProServer(media, port=port, plan=paced, public_url=public_url, url_lifetime=url_lifetime) as server:
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


def pace(bytes_per_second: int | None, plan: Plan = undisturbed) -> Plan:
    """Return the plan with files, and nothing else, sent so slowly; ``None``: as fast as it goes.

    What the plan itself says of a rate goes first.
    """
    if bytes_per_second is None:
        return plan

    def paced(call: Call) -> Orders:
        orders = plan(call)
        slow = call.service == CDN_SERVICE and orders.rate is None
        return replace(orders, rate=float(bytes_per_second)) if slow else orders

    return paced
