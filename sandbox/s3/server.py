"""The sandbox's S3: strict, on disk, over https. ``S3Server`` is all that the rest of the sandbox knows of it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from sandbox.s3.account import Account, Surroundings
from sandbox.s3.behaviour import Behaviour
from sandbox.s3.disk import Disk
from sandbox.s3.dispatch import Dispatcher, Faults
from sandbox.s3.listener import Listener
from sandbox.s3.log import LoggedRequest
from sandbox.s3.model import BucketConfig, OpenUpload, StoredObject
from sandbox.s3.signature import Verifier
from sandbox.wire.callers import NOBODY, Callers
from sandbox.wire.orders import Plan, undisturbed
from sandbox.wire.sockets import Sleep


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nobody_watches(bucket: str, key: str, count: int) -> None:
    """The default of ``on_bytes``."""


class S3Server:
    """An S3 for path-style clients on the loopback, serving from construction to ``close``.

    ``root`` holds the whole state: opened again, even after SIGKILL, it has every object, upload and part that was
    acknowledged, and no half of one. ``credentials`` maps access key ids to secrets and may change while serving;
    ``None`` verifies nobody. ``on_bytes(bucket, key, n)`` is called from connection threads as payload arrives.
    ``plan`` is asked what shall happen to each call (service ``s3``, resource ``bucket/key``) and to each use of a KMS
    key for one (service ``kms``, resource the key's ARN); ``callers`` tells it which function calls. ``behaviour`` is
    the tests' own way to the moments inside a call (see ``behaviour``). ``sleep`` waits where a plan orders it, by
    default no longer than until ``close``. With ``tls`` a fresh certificate authority is made at every start.

    Raises ``RuntimeError`` if another server has the root, ``OSError`` if the port is taken.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings with defaults; a settings object would only move them
        self,
        root: Path,
        *,
        region: str,
        credentials: Mapping[str, str] | None,
        tls: bool = True,
        port: int = 0,
        account_id: str = "123456789012",
        on_bytes: Callable[[str, str, int], None] = _nobody_watches,
        plan: Plan = undisturbed,
        callers: Callers | None = None,
        behaviour: Behaviour | None = None,
        now: Callable[[], datetime] = _utc_now,
        sleep: Sleep | None = None,
        idle_timeout: float = 60.0,
    ) -> None:
        self._closing = threading.Event()
        self._disk = Disk(root)
        try:
            self._account = Account(self._disk, Surroundings(region, account_id, now, on_bytes))
            verifier = Verifier(credentials, region) if credentials is not None else None
            self._dispatcher = Dispatcher(
                self._account, verifier, Faults(plan, behaviour, sleep or self._closing.wait), self._closing
            )
            self.ca_bundle = root / "ca.pem" if tls else None
            """The certificate authority that clients must trust (``AWS_CA_BUNDLE``); ``None`` without TLS."""
            context = _tls_context(self.ca_bundle) if self.ca_bundle else None
            self._listener = Listener(
                self._dispatcher, callers or NOBODY, port=port, context=context, idle_timeout=idle_timeout
            )
        except BaseException:
            self._disk.close()
            raise

    @property
    def url(self) -> str:
        """The endpoint URL; by address, so that boto3 chooses path style by itself."""
        return f"{'https' if self.ca_bundle else 'http'}://127.0.0.1:{self._listener.port}"

    @property
    def requests(self) -> list[LoggedRequest]:
        """Every call so far, in the order of completion."""
        return self._dispatcher.log.entries()

    @property
    def disk_trouble(self) -> str | None:
        """Why this machine's disk could not take what a request brought (it was answered InternalError), if any."""
        return self._dispatcher.disk_trouble

    def create_bucket(self, config: BucketConfig) -> None:
        """Create a bucket, or change the configuration of one; its objects stay."""
        self._account.create_bucket(config)

    def buckets(self) -> list[BucketConfig]:
        """Every bucket's configuration, by name."""
        return [self._account.bucket(name).config for name in self._account.names()]

    def objects(self, bucket: str) -> Iterator[StoredObject]:
        """The current objects of a bucket, by key; ``S3Error`` NoSuchBucket."""
        yield from self._account.bucket(bucket).objects.all()

    def open_uploads(self, bucket: str) -> list[OpenUpload]:
        """The uploads that were neither completed nor aborted."""
        return self._account.bucket(bucket).uploads.all()

    def close(self) -> None:
        """End every connection and release the root. Idempotent."""
        if not self._closing.is_set():
            self._closing.set()
            self._listener.close()
            self._disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tls_context(ca_bundle: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context
