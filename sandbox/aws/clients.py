"""botocore clients for the sandbox's endpoints, independent of the developer's own AWS settings."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader, create_loader

from sandbox.aws.keys import AccessKey

_ISOLATED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}
"""botocore session variables that would otherwise be read from the environment or from ``~/.aws``."""


@cache
def _descriptions() -> Loader:
    """The descriptions of AWS's services, each read once in a process: that takes longer than all else here."""
    return create_loader()


class Clients:
    """Makes one client for each service and keeps it; ``close`` closes their connections."""

    def __init__(self, *, region: str, key: AccessKey, url: str, s3_url: str, s3_ca: str | None) -> None:
        self._session = botocore.session.Session(session_vars=_ISOLATED)
        self._session.register_component("data_loader", _descriptions())
        self._region = region
        self._key = key
        self._url = url
        self._s3_url = s3_url
        self._s3_ca = s3_ca
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str) -> Any:
        """Return the client of a service, by botocore's name for it."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Any:
        of_s3 = service == "s3"
        config = Config(
            proxies={},
            retries={"total_max_attempts": 1},
            max_pool_connections=32,
            s3={"addressing_style": "path"},
        )
        return self._session.create_client(
            service,
            region_name=self._region,
            aws_access_key_id=self._key.id,
            aws_secret_access_key=self._key.secret,
            endpoint_url=self._s3_url if of_s3 else self._url,
            verify=self._s3_ca if of_s3 else None,
            config=config,
        )

    def close(self) -> None:
        """Close all clients; idempotent."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()
