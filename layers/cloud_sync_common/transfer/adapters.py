"""The two adapters of the byte path, put together, and which of them is taken."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_sync_common.edges.addresses import ForbiddenAddress, permitted_addresses
from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.transfer.ports import SourceTransport
from cloud_sync_common.transfer.sockets.connection import TcpConnector, any_address
from cloud_sync_common.transfer.sockets.connections import Connections
from cloud_sync_common.transfer.sockets.sender import SocketSender
from cloud_sync_common.transfer.sockets.source import SocketTransport
from cloud_sync_common.transfer.trailers import checksums_behind_bodies

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SOCKETS, REQUESTS = "sockets", "requests"
_PROXIES = ("https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Adapter:
    """A byte path: ``transport`` brings a source's bytes, ``attach`` has a boto3 client send them on (once a client).

    ``prepare`` does beforehand what the first connection would wait for; ``close`` gives up the connections that are
    kept open.
    """

    transport: SourceTransport
    attach: Callable[[S3Client], None]
    prepare: Callable[[], None]
    close: Callable[[], None]


def chosen_adapter(name: str, environ: Mapping[str, str]) -> str:
    """The adapter that a setting names; behind a proxy the only one that knows proxies. Raises ``InvalidInput``."""
    if name not in (SOCKETS, REQUESTS):
        raise InvalidInput(f"unknown adapter {name!r}: it is {SOCKETS} or {REQUESTS}")
    proxied = any(environ.get(spelt) for proxy in _PROXIES for spelt in (proxy, proxy.upper()))
    return REQUESTS if proxied else name


def requests_adapter(connections: int) -> Adapter:
    """Requests and boto3 as they are: simple, and slower."""
    # Imported where it is chosen: a cold start pays for nothing that is not used.
    from cloud_sync_common.edges.sessions import cdn_session  # noqa: PLC0415
    from cloud_sync_common.transfer.by_requests import RequestsTransport  # noqa: PLC0415

    session = cdn_session(connections)
    return Adapter(RequestsTransport(session), checksums_behind_bodies, lambda: None, session.close)


def sockets_adapter(
    connections: int,
    *,
    environ: Mapping[str, str] = os.environ,
    addresses: Callable[[str, int], list[str]] = permitted_addresses,
    clock: Callable[[], float] = time.monotonic,
) -> Adapter:
    """Our own sockets: up to ``connections`` are kept open on either side.

    ``addresses`` of a source's name are those that may be connected to; S3 may be anywhere. Authorities are those that
    requests and botocore would trust: ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE``, ``AWS_CA_BUNDLE``, else certifi's.
    """
    source_tls = partial(tls_context, environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or None)
    archive_tls = partial(tls_context, environ.get("AWS_CA_BUNDLE") or None)
    source = Connections(TcpConnector(addresses, source_tls, clock, ForbiddenAddress), clock, connections)
    archive = Connections(TcpConnector(any_address, archive_tls, clock, ForbiddenAddress), clock, connections)

    def prepare() -> None:
        source_tls()
        archive_tls()

    def close() -> None:
        source.close()
        archive.close()

    return Adapter(SocketTransport(source), SocketSender(archive).attach, prepare, close)


def tls_context(bundle: str | None) -> ssl.SSLContext:
    """The process's one context for these authorities: loading them takes long on a small function (performance.md 3).

    ``bundle`` is a file or a folder, certifi's if ``None``. Certificates and names are checked; TLS 1.2 at least.
    Raises ``InvalidInput`` for a bundle that cannot be read.
    """
    with _making:
        return _made_context(bundle)


_making = threading.Lock()


@lru_cache(maxsize=4)
def _made_context(bundle: str | None) -> ssl.SSLContext:
    if bundle is None:
        import certifi  # noqa: PLC0415 - not where a bundle is named

        bundle = certifi.where()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if Path(bundle).is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(bundle)
    except OSError as error:
        raise InvalidInput(f"no certificates can be read from {bundle} ({type(error).__name__})") from None
    return context
