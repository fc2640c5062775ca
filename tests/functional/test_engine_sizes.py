"""Every size that has an edge, by every way and both adapters: the same bytes under the key, or the promised error."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_sync_common.errors import RangesUnsupported, SizeUnproven, TruncatedBody
from cloud_sync_common.transfer.planning import MIB, UNKNOWN_SIZE_PART, USUAL_MIN_PART, PartPlan
from cloud_sync_common.transfer.streams import Way
from sandbox.gopro.messages import FileSlice, Request, Response
from tests.support.adapters import ADAPTERS, adapter
from tests.support.engine import (
    THRESHOLD,
    Engine,
    content,
    in_chunks,
    ranges_without_length,
    until_close,
    without_ranges,
)
from tests.support.pipeline import BUCKET, World, make_file, make_medium, source, world
from tests.support.scripted_http import Script, ScriptedServer, origin
from tests.support.strict_s3 import KEY, Store, crc

PART = USUAL_MIN_PART
"""The smallest part that the plan cuts."""
FIVE = 5 * MIB
ID = "b" * 24


@pytest.fixture(name="engine", params=ADAPTERS)
def _engine(request: pytest.FixtureRequest, store: Store) -> Iterator[Engine]:
    with adapter(request.param, store) as made:
        yield Engine(store.archive, made)


def in_fives(size: int) -> PartPlan:
    """Parts as small as S3 takes them."""
    return PartPlan(size, FIVE)


@pytest.mark.parametrize("size", [0, 1, FIVE - 1, FIVE, FIVE + 1])
def test_a_small_size_goes_into_one_object(engine: Engine, store: Store, tmp_path: Path, size: int) -> None:
    assert copied(engine, store, tmp_path, size, origin) is Way.DIRECT
    assert store.calls("CreateMultipartUpload") == 0


@pytest.mark.parametrize("by", [-1, 0, 1])
def test_the_threshold_is_the_last_size_that_goes_into_one_object(
    engine: Engine, store: Store, tmp_path: Path, by: int
) -> None:
    way = copied(engine, store, tmp_path, THRESHOLD + by, origin)
    assert way is (Way.MULTIPART if by > 0 else Way.DIRECT)
    assert (store.objects()[KEY].parts or 0) == (6 if by > 0 else 0)


@pytest.mark.parametrize(("size", "parts"), [(PART - 1, 1), (PART, 1), (PART + 1, 2), (2 * PART, 2), (2 * PART + 1, 3)])
def test_a_size_around_the_part_size_is_cut_into_parts(
    engine: Engine, store: Store, tmp_path: Path, size: int, parts: int
) -> None:
    assert copied(engine, store, tmp_path, size, origin, threshold=0) is Way.MULTIPART
    assert store.objects()[KEY].parts == parts


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (FIVE - 1, 1), (FIVE, 1), (FIVE + 1, 2), (2 * FIVE + 1, 3)])
def test_ranges_that_come_without_a_length_are_parts_all_the_same(
    engine: Engine, store: Store, tmp_path: Path, size: int, parts: int
) -> None:
    way = copied(engine, store, tmp_path, size, ranges_without_length, threshold=0, cut=in_fives)
    assert way is Way.MULTIPART
    assert store.objects()[KEY].parts == parts


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (PART - 1, 1), (PART, 1), (PART + 1, 2)])
def test_a_source_without_ranges_comes_in_one_stream(
    engine: Engine, store: Store, tmp_path: Path, size: int, parts: int
) -> None:
    assert copied(engine, store, tmp_path, size, without_ranges, threshold=0) is Way.SEQUENTIAL
    assert store.objects()[KEY].parts == parts


@pytest.mark.parametrize("size", [0, 1, FIVE])
def test_a_small_source_without_ranges_goes_into_one_object(
    engine: Engine, store: Store, tmp_path: Path, size: int
) -> None:
    assert copied(engine, store, tmp_path, size, without_ranges) is Way.DIRECT


@pytest.mark.parametrize("serve", [in_chunks, until_close])
@pytest.mark.parametrize("by", [1 - UNKNOWN_SIZE_PART, -1, 0, 1])
def test_a_source_of_unknown_size_is_copied_when_somebody_vouches_for_it(
    engine: Engine, store: Store, tmp_path: Path, by: int, serve: Callable[[bytes], Script]
) -> None:
    size = UNKNOWN_SIZE_PART + by
    assert copied(engine, store, tmp_path, size, serve, known=size) is Way.SEQUENTIAL
    assert store.objects()[KEY].parts == -(-size // UNKNOWN_SIZE_PART)


def test_a_source_of_unknown_size_that_ends_early_is_no_object(engine: Engine, store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vouches"):
        copied(engine, store, tmp_path, FIVE, until_close, known=FIVE + 1)
    assert store.objects() == {}


@pytest.mark.parametrize("by", [-1, 1])
def test_a_body_of_another_size_than_the_probe_said_is_no_object(engine: Engine, store: Store, by: int) -> None:
    said, sent = bytes(1000), bytes(1000 + by)

    def served(length: bytes, body: bytes) -> Script:
        described, streamed = origin(length), in_chunks(body)
        return lambda request: described(request) if "range" in request.headers else streamed(request)

    with ScriptedServer(served(said, sent)) as server, pytest.raises(TruncatedBody):
        engine.copy(server.url, KEY)
    assert store.objects() == {}


def copied(
    engine: Engine,
    store: Store,
    folder: Path,
    size: int,
    serve: Callable[[bytes], Script],
    *,
    threshold: int = THRESHOLD,
    cut: Callable[[int], PartPlan] | None = None,
    known: int | None = None,
) -> Way:
    """Copy ``size`` bytes and prove what is stored, by content and by checksum; returns the way that they took."""
    path = folder / "served"
    with content(path, size) as served, ScriptedServer(serve(served)) as server:
        options = {} if cut is None else {"cut": cut}
        way = engine.copy(server.url, KEY, threshold=threshold, known=known, **options)
        stored = store.objects()[KEY]
        assert filecmp.cmp(stored.path, path, shallow=False)
        assert stored.checksums["CRC64NVME"] == crc(served)
    return way


# Through the services


@pytest.fixture(name="adapter_name", params=ADAPTERS)
def _adapter_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def without_range(request: Request) -> Response | None:
    """The CDN as a server that says a length and ignores ranges."""
    if request.path.startswith("/media/"):
        return None
    del request.headers["Range"]
    answer = request.proceed()
    answer.headers.pop("Accept-Ranges", None)
    return answer


def without_length(request: Request) -> Response | None:
    """The CDN as a server that says no length either: the body ends with the connection."""
    if request.path.startswith("/media/"):
        return None
    if request.method == "HEAD":
        return Response(405)
    del request.headers["Range"]
    answer = request.proceed()
    assert isinstance(answer.body, FileSlice)
    return Response(200, {"Content-Type": "binary/octet-stream"}, iter([answer.body.path.read_bytes()]))


BEHAVIOURS = {"ranges": None, "no ranges": without_range, "no length": without_length}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1])
def test_every_size_is_archived_by_the_whole_of_the_pipeline(
    tmp_path: Path, adapter_name: str, size: int, behaviour: str
) -> None:
    path = make_file(tmp_path / "GX010001.MP4", size)
    with world(tmp_path, make_medium(ID, source(path)), threshold=FIVE) as account:
        account.adapter, account.gopro_behaviour = adapter_name, BEHAVIOURS[behaviour]
        result = account.download(ID)
        if size == 0 and behaviour == "no length":
            assert_unproven(account)
            return
        assert result["outcome"] == "COMPLETED"
        (stored,) = account.objects()
        assert filecmp.cmp(stored.path, path, shallow=False)
        assert account.piece_row(ID)["crc64nvme"] == stored.checksums["CRC64NVME"]


@pytest.mark.parametrize("listed", [None, PART, PART + 2])
def test_a_size_that_nobody_or_another_one_vouches_for_is_not_archived(
    tmp_path: Path, adapter_name: str, listed: int | None
) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 1)
    with world(tmp_path, make_medium(ID, source(path), file_size=listed)) as account:
        account.adapter, account.gopro_behaviour = adapter_name, without_length
        assert account.download(ID)["outcome"] == "FAILED"
        assert_unproven(account)


def assert_unproven(account: World) -> None:
    """A typed error in the medium's row, nothing visible, nothing left open."""
    row = account.medium_row(ID)
    assert (row["status"], row["reason"].partition(":")[0]) == ("FAILED", SizeUnproven.__name__)
    assert account.objects() == []
    assert account.s3.open_uploads(BUCKET) == []


def test_a_stream_that_one_invocation_cannot_move_fails_its_medium(tmp_path: Path, adapter_name: str) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 1)
    with world(tmp_path, make_medium(ID, source(path)), threshold=FIVE) as account:
        account.adapter, account.gopro_behaviour = adapter_name, without_range
        assert account.download(ID, seconds=0)["outcome"] == "FAILED"
        assert account.medium_row(ID)["reason"].startswith(RangesUnsupported.__name__)
        assert account.objects() == []
