"""The stage: a source and a sink on this machine, both costing as little as possible and saying what they cost."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from benchmarks import kernel
from benchmarks.stage.certificates import Certificates, write_certificates
from benchmarks.stage.contents import Contents
from benchmarks.stage.nginx import Nginx, find_nginx, version_of
from benchmarks.stage.processes import ServerProcess

_BUCKET = "benchmark"


@dataclass(frozen=True, slots=True)
class Served:
    """A file at the source: ``size`` in bytes, ``crc64nvme`` in base64 as S3 writes it."""

    url: str
    size: int
    crc64nvme: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What the sink has made visible under a key: of the bytes that came in, joined in the order Complete named.

    ``size`` in bytes, ``crc64nvme`` in base64, ``parts`` how many bodies it came in (1 for PutObject).
    """

    size: int
    crc64nvme: str
    parts: int


class _Server(Protocol):
    port: int

    def cpu_seconds(self) -> float:
        """What it has used so far, its children included."""

    def close(self) -> None:
        """End it."""


class Stage:
    """A source of files and a sink that speaks S3, up from ``__enter__`` to ``__exit__``; any number side by side.

    ``folder`` must exist; a folder of the stage's own is made in it and removed at the end. ``bytes_per_second``
    limits each connection to the source; nginx keeps to it within about 5 %. Without ``tls`` both speak plain http. The
    source is nginx if that is installed and ``prefer_nginx``, else Python. ``NotLinux`` elsewhere, ``StageFailed`` if a
    server does not start. Enter it in the thread that lives longest: nginx ends with that thread.
    """

    def __init__(
        self, folder: Path, *, bytes_per_second: int | None = None, tls: bool = True, prefer_nginx: bool = True
    ) -> None:
        kernel.demand_linux()
        self._parent = folder.resolve()
        self._rate = bytes_per_second
        self._scheme = "https" if tls else "http"
        self._nginx = find_nginx() if prefer_nginx else None
        self.source_kind = version_of(self._nginx) if self._nginx else "python"
        self.bucket = _BUCKET

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(prefix="stage-", dir=self._parent))
            stack.callback(shutil.rmtree, folder)
            self._contents = Contents(folder)
            stack.callback(self._contents.close)
            self._served = folder / "served"
            self._served.mkdir()
            made = write_certificates(folder)
            self.ca_bundle = made.authority
            self._source = self._start_source(folder, made)
            stack.callback(self._source.close)
            self._sink = ServerProcess("benchmarks.stage.sink", self._secured(made), self._environment(made))
            stack.callback(self._sink.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def endpoint_url(self) -> str:
        """The sink."""
        return f"{self._scheme}://127.0.0.1:{self._sink.port}"

    def source(self, size: int) -> Served:
        """A file of ``size`` bytes, the same on every machine; made if this stage has not served it before."""
        content = self._contents.of(size)
        link = self._served / content.path.name
        if not link.exists():
            link.symlink_to(content.path)
        return Served(f"{self._scheme}://127.0.0.1:{self._source.port}/{link.name}", size, content.crc64nvme)

    def stored(self, key: str) -> Stored | None:
        """What is visible under the key; ``None`` if nothing is."""
        found = self._sink.ask({"stored": key})
        return Stored(**found) if found else None

    def forget(self, key: str) -> None:
        """Drop what is visible under the key, and unfinished uploads to it."""
        self._sink.ask({"forget": key})

    def sink_cpu_seconds(self) -> float:
        """What the sink has used since it started, user and system."""
        return self._sink.cpu_seconds()

    def source_cpu_seconds(self) -> float:
        """What the source has used since it started, user and system."""
        return self._source.cpu_seconds()

    def _start_source(self, folder: Path, made: Certificates) -> _Server:
        if self._nginx:
            certificates = made if self._scheme == "https" else None
            return Nginx(self._nginx, folder, self._served, certificates, self._rate)
        options = [*self._secured(made), "--folder", str(self._served)]
        if self._rate:
            options += ["--bytes-per-second", str(self._rate)]
        return ServerProcess("benchmarks.stage.source", options, self._environment(made))

    def _secured(self, made: Certificates) -> list[str]:
        return ["--certificate", str(made.server)] if self._scheme == "https" else []

    def _environment(self, made: Certificates) -> dict[str, str]:
        return {"OPENSSL_CONF": str(made.openssl)}
