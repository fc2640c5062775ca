"""A disk that is full is S3's InternalError and a fact to be told, never a torn object."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.s3_support import BUCKET, MIB, client_of, serving


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """What the kernel makes of a disk that takes no more; Python ignores the signal that goes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_the_disk_cannot_take_is_refused_told_and_can_be_sent_again(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client_of(server) as s3:
        with no_file_larger_than(MIB), pytest.raises(ClientError) as refusal:
            s3.put_object(Bucket=BUCKET, Key="k", Body=bytes(2 * MIB))
        assert refusal.value.response["Error"]["Code"] == "InternalError"
        assert server.disk_trouble == os.strerror(errno.EFBIG)
        assert list(server.objects(BUCKET)) == []
        s3.put_object(Bucket=BUCKET, Key="k", Body=bytes(2 * MIB))
        assert [each.size for each in server.objects(BUCKET)] == [2 * MIB]
