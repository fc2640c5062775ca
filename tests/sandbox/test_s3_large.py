"""Memory stays flat at any size of object, in the server's own process and over TLS, as the sandbox runs it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import IO, TYPE_CHECKING, Any, cast

import pytest
from awscrt import checksums as crt

from tests.sandbox.s3_support import BUCKET, MIB, client_of, complete, open_upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL, DEFAULT, LARGE = 50 * MIB, 300 * MIB, 5 * 1024 * MIB
PART = 64 * MIB
ALLOWED_GROWTH = 16 * MIB

SERVER = """
import sys
from pathlib import Path
from tests.sandbox.s3_support import serving
with serving(Path(sys.argv[1]), tls=True) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class ServerProcess:
    """A server in a process of its own."""

    url: str
    ca_bundle: Path
    pid: int

    @property
    def peak(self) -> int:
        """The most memory that it has ever had (VmHWM of proc(5)), in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


@contextmanager
def _server_process(root: Path) -> Iterator[ServerProcess]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", SERVER, str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        try:
            yield ServerProcess(process.stdout.readline().strip(), root / "ca.pem", process.pid)
        finally:
            assert process.stdin
            process.stdin.close()  # ends the server
            process.wait(60)


class Stream:
    """``size`` bytes that were never all in memory; its ``crc`` so far is known to the reader."""

    _BLOCK = os.urandom(MIB)

    def __init__(self, size: int) -> None:
        self._left = size
        self._block = io.BytesIO()
        self.crc = 0

    def read(self, size: int = -1) -> bytes:
        data = self._block.read(size)
        if not data and self._left:
            self._block = io.BytesIO(self._BLOCK[: min(MIB, self._left)])
            data = self._block.read(size)
        self._left -= len(data)
        self.crc = crt.crc64nvme(data, self.crc)
        return data


def _put(client: S3Client, size: int) -> int:
    stream = Stream(size)
    body = cast(IO[bytes], stream)
    client.put_object(Bucket=BUCKET, Key="key", Body=body, ContentLength=size, ChecksumAlgorithm="CRC64NVME")
    return stream.crc


def _multipart(client: S3Client, size: int) -> int:
    upload_id = open_upload(client, "key")
    parts: list[dict[str, Any]] = []
    crc = 0
    for number, start in enumerate(range(0, size, PART), 1):
        length = min(PART, size - start)
        stream = Stream(length)
        sent = client.upload_part(
            Bucket=BUCKET,
            Key="key",
            UploadId=upload_id,
            PartNumber=number,
            Body=cast(IO[bytes], stream),
            ContentLength=length,
            ChecksumAlgorithm="CRC64NVME",
        )
        crc = crt.combine_crc64nvme(crc, stream.crc, length)
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    complete(client, "key", upload_id, parts, MpuObjectSize=size)
    return crc


def _read_back(client: S3Client, size: int) -> int:
    crc = received = 0
    for piece in client.get_object(Bucket=BUCKET, Key="key")["Body"].iter_chunks(MIB):
        crc = crt.crc64nvme(piece, crc)
        received += len(piece)
    assert received == size
    return crc


@pytest.mark.verifies("s3.any-size")
@pytest.mark.parametrize("write", [_put, _multipart])
@pytest.mark.parametrize("size", [DEFAULT, pytest.param(LARGE, marks=pytest.mark.large)])
def test_a_large_object_takes_no_more_memory_than_a_small_one(tmp_path: Path, write: Any, size: int) -> None:
    root = tmp_path / "root"
    with _server_process(root) as server, client_of(server) as client:
        assert write(client, SMALL) == _read_back(client, SMALL)
        before = server.peak
        assert write(client, size) == _read_back(client, size)
        grown = server.peak - before
    rmtree(root)  # pytest would keep it for three runs

    assert grown < ALLOWED_GROWTH
