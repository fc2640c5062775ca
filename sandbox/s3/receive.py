"""A payload on its way to disk: written, measured, checked against everything that the client promised about it.

Whatever is wrong raises: nothing that failed a check is ever stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.s3.body import STREAMING, Body
from sandbox.s3.checksums import ALGORITHMS, Algorithm, Digest
from sandbox.s3.errors import S3Error, not_implemented

_PREFIX = "x-amz-checksum-"
_SDK_ALGORITHM = "x-amz-sdk-checksum-algorithm"
_NOT_VALUES = {"x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"}


@dataclass(frozen=True)
class Claim:
    """The checksum that a client sends: its value now, or ``None`` if the trailer will bring it."""

    algorithm: Algorithm
    value: bytes | None


@dataclass(frozen=True)
class Received:
    """A payload that lies aside, every claim about it verified."""

    path: Path
    size: int
    digest: bytes
    md5: str | None


def read_claim(headers: Mapping[str, str]) -> Claim | None:
    """The one checksum that these headers carry or announce; ``None`` if there is none."""
    given = [name for name in headers if name.startswith(_PREFIX) and name not in _NOT_VALUES]
    trailers = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]
    named = headers.get(_SDK_ALGORITHM, "").upper()
    if len(given) + len(trailers) > 1:
        raise S3Error(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    if not given and not trailers:
        if named:
            raise S3Error(
                "InvalidRequest",
                f"{_SDK_ALGORITHM} specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
                "were found.",
            )
        return None
    name = (given or trailers)[0]
    algorithm = _algorithm(name)
    if named and named != algorithm.name:
        raise S3Error("InvalidRequest", f"Value for {_SDK_ALGORITHM} header is invalid.")
    return Claim(algorithm, _value(algorithm, headers[name]) if given else None)


def _algorithm(header: str) -> Algorithm:
    algorithm = ALGORITHMS.get(header.removeprefix(_PREFIX).upper())
    if algorithm is None or not header.startswith(_PREFIX):
        raise not_implemented(f"The checksum {header}")
    return algorithm


def _value(algorithm: Algorithm, text: str) -> bytes:
    digest = algorithm.parse(text)
    if digest is None:
        raise S3Error("InvalidRequest", f"Value for {algorithm.header} header is invalid.")
    return digest


class Receiver:
    """Receives one payload, computing ``algorithm`` and, where an ETag or a claim needs it, MD5 and SHA-256."""

    def __init__(self, headers: Mapping[str, str], algorithm: Algorithm, claim: Claim | None, *, md5: bool) -> None:
        self._claim = claim
        self._wanted_md5 = _content_md5(headers)
        self._wanted_sha256 = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        self._digest = algorithm.new()
        self._claimed = self._digest
        self._all: list[Digest] = [self._digest]
        if claim and claim.algorithm is not algorithm:
            self._claimed = claim.algorithm.new()
            self._all.append(self._claimed)
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 or self._wanted_md5 else None
        self._sha256 = hashlib.sha256() if self._wanted_sha256 not in ("UNSIGNED-PAYLOAD", STREAMING) else None
        self._all += [digest for digest in (self._md5, self._sha256) if digest]

    def receive(self, body: Body, path: Path, on_bytes: Callable[[int], None]) -> Received:
        """Stream the body to ``path``, which is aside, and check it; ``S3Error`` if it is not what was promised."""
        size = 0
        with path.open("wb") as file:
            for piece in body:
                for digest in self._all:
                    digest.update(piece)
                file.write(piece)
                size += len(piece)
                on_bytes(len(piece))
        self._check(body)
        return Received(path, size, self._digest.digest(), self._md5.hexdigest() if self._md5 else None)

    def _check(self, body: Body) -> None:
        if self._sha256 and self._sha256.hexdigest() != self._wanted_sha256:
            raise S3Error("XAmzContentSHA256Mismatch")
        if self._wanted_md5 and self._md5 and self._md5.digest() != self._wanted_md5:
            raise S3Error("BadDigest")
        if not self._claim:
            return
        algorithm, value = self._claim.algorithm, self._claim.value
        if value is None:
            value = _value(algorithm, body.trailers[algorithm.header])
        if self._claimed.digest() != value:
            raise S3Error("BadDigest", f"The {algorithm.name} you specified did not match the calculated checksum.")


def _content_md5(headers: Mapping[str, str]) -> bytes | None:
    if "content-md5" not in headers:
        return None
    try:
        digest = base64.b64decode(headers["content-md5"], validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise S3Error("InvalidDigest")
    return digest
