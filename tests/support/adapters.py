"""The byte path's two adapters, for suites that both have to pass."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cloud_sync_common.transfer.adapters import Adapter, requests_adapter, sockets_adapter
from tests.support.strict_s3 import Store

ADAPTERS = ("requests", "sockets")


@contextmanager
def adapter(name: str, store: Store | None = None, connections: int = 4) -> Iterator[Adapter]:
    """The adapter; attached to the store's body client, and trusting its certificate, if there is one.

    What else is trusted stays the environment's to say, as in a function.
    """
    environ = {**os.environ, **({"AWS_CA_BUNDLE": str(store.server.ca_bundle)} if store else {})}
    made = requests_adapter(connections) if name == "requests" else sockets_adapter(connections, environ=environ)
    if store is not None:
        made.attach(store.archive.body_client)
    try:
        yield made
    finally:
        made.close()
