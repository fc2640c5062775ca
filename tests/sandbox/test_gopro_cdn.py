"""The simulator's CDN: signed URLs, conditions and ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.gopro import GoProServer, Library
from sandbox.gopro.digests import ETAG_PART_BYTES, ETAG_READS_UP_TO
from sandbox.gopro.padding import grow_mp4
from tests.sandbox.gopro_client import Client, medium, piece

CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)


@dataclass
class Clock:
    """A clock that stands still until told otherwise."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Scene:
    """A running server with one medium, and its clock."""

    client: Client
    clock: Clock

    def get(self, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        entry = self.client.entry("video")
        answer = self.client.fetch(
            entry["url"], headers={name.replace("_", "-"): text for name, text in headers.items()}
        )
        return answer.status_code, answer.content, dict(answer.headers)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    clock = Clock()
    pieces = [
        piece(tmp_path, "source", content=CONTENT),
        piece(tmp_path, "gpmf", content=b""),
        replace(piece(tmp_path, "edit_proxy"), cdn_deleted=True),
    ]
    with GoProServer(Library((medium("video", pieces),)), clock=clock) as server:
        yield Scene(Client(server), clock)


def test_a_whole_piece_comes_with_everything_a_download_needs(scene: Scene) -> None:
    status, body, headers = scene.get()
    assert (status, body) == (200, CONTENT)
    assert headers["Content-Length"] == str(SIZE)
    assert headers["Content-Type"] == "binary/octet-stream"
    assert headers["Accept-Ranges"] == "bytes"
    assert parsedate_to_datetime(headers["Last-Modified"]).tzinfo is not None


def test_the_path_has_account_number_label_and_item(scene: Scene) -> None:
    steps = urlsplit(scene.client.entry("video")["url"]).path.split("/")
    assert [len(steps[1]), len(steps[2]), steps[3:]] == [36, 19, ["source", "default", "1.mp4"]]
    assert steps[2].isdigit()


def test_head_tells_size_and_etag_without_a_body(scene: Scene) -> None:
    entry = scene.client.entry("video")
    told, sent = scene.client.fetch(entry["head"], "HEAD"), scene.client.fetch(entry["url"])
    assert (told.status_code, told.content) == (200, b"")
    assert told.headers["Content-Length"] == str(SIZE)
    assert told.headers["ETag"] == sent.headers["ETag"]


@pytest.mark.parametrize(("field", "method"), [("url", "HEAD"), ("head", "GET"), ("url", "DELETE")])
def test_a_url_is_good_for_its_own_method_only(scene: Scene, field: str, method: str) -> None:
    answer = scene.client.fetch(scene.client.entry("video")[field], method)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/xml"


@pytest.mark.verifies("gopro.cdn")
@pytest.mark.parametrize("damage", ["path", "Expires", "Signature", "Key-Pair-Id"])
def test_a_url_that_was_changed_is_refused_with_xml(scene: Scene, damage: str) -> None:
    url = scene.client.entry("video")["url"]
    changed = url.replace("/source/", "/gpmf/") if damage == "path" else url.replace(f"{damage}=", f"{damage}=1")
    answer = scene.client.fetch(changed)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text


@pytest.mark.verifies("gopro.cdn")
@pytest.mark.parametrize("parameter", ["Expires", "Signature", "Key-Pair-Id"])
def test_a_url_without_all_of_its_signature_is_refused(scene: Scene, parameter: str) -> None:
    url = scene.client.entry("video")["url"].replace(f"{parameter}=", "other=")
    answer = scene.client.fetch(url)
    assert (answer.status_code, f"Missing {parameter} query" in answer.text) == (403, True)


@pytest.mark.verifies("gopro.cdn")
def test_a_url_expires_after_its_lifetime_and_a_fresh_one_works_for_the_same_bytes(scene: Scene) -> None:
    old = scene.client.entry("video")
    scene.clock.now += 3599
    assert scene.client.fetch(old["url"]).status_code == 200
    scene.clock.now += 1
    refused = scene.client.fetch(old["url"])
    assert (refused.status_code, "Request has expired" in refused.text) == (403, True)
    assert scene.client.fetch(old["head"], "HEAD").status_code == 403
    assert scene.client.fetch(scene.client.entry("video")["url"]).content == CONTENT


def test_the_lifetime_is_a_parameter(tmp_path: Path) -> None:
    clock = Clock()
    library = Library((medium("video", [piece(tmp_path, "source")]),))
    with GoProServer(library, clock=clock, url_lifetime=5) as server:
        url = Client(server).entry("video")["url"]
        clock.now += 5
        assert Client(server).fetch(url).status_code == 403


def test_an_authorization_header_is_one_mechanism_too_many(scene: Scene) -> None:
    status, body, _ = scene.get(Authorization="Bearer anything")
    assert status == 400
    assert b"Only one auth mechanism allowed" in body
    assert [text.split(":")[0] for text in scene.client.server.violations] == [
        "an Authorization header reached the CDN"
    ]


def test_a_cookie_at_the_cdn_is_noted_and_changes_nothing(scene: Scene) -> None:
    assert not scene.client.server.violations
    status, body, _ = scene.get(Cookie="gp_access_token=leaked")
    assert (status, body) == (200, CONTENT)
    (violation,) = scene.client.server.violations
    assert violation.startswith("a Cookie header reached the CDN: GET /")
    assert "leaked" not in violation


def test_signatures_carry_a_mark_that_leak_tests_know(scene: Scene) -> None:
    assert any(mark in scene.client.entry("video")["url"] for mark in scene.client.server.canaries)


@pytest.mark.verifies("gopro.cdn")
@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=-7", SIZE - 7, SIZE - 1),
        (f"bytes=-{SIZE + 5}", 0, SIZE - 1),
        (f"bytes={SIZE - 1}-{SIZE + 100}", SIZE - 1, SIZE - 1),
    ],
)
def test_a_range_brings_exactly_its_bytes(scene: Scene, asked: str, first: int, last: int) -> None:
    status, body, headers = scene.get(Range=asked)
    assert (status, body) == (206, CONTENT[first : last + 1])
    assert headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 1}", "bytes=-0"])
def test_a_range_outside_the_piece_is_not_satisfiable(scene: Scene, asked: str) -> None:
    status, body, headers = scene.get(Range=asked)
    assert (status, headers["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert b"<Code>InvalidRange</Code>" in body


@pytest.mark.parametrize("asked", ["bytes=5-4", "bytes=-", "bytes=0-1,4-5", "items=0-1", "bytes=a-b", "bytes=1.5-3"])
def test_a_range_that_makes_no_sense_is_as_good_as_none(scene: Scene, asked: str) -> None:
    status, body, headers = scene.get(Range=asked)
    assert (status, body) == (200, CONTENT)
    assert "Content-Range" not in headers


def test_an_empty_piece_has_no_range(scene: Scene) -> None:
    url = scene.client.entry("video", "gpmf")["url"]
    assert (scene.client.fetch(url).status_code, scene.client.fetch(url).content) == (200, b"")
    assert scene.client.fetch(url, headers={"Range": "bytes=0-"}).status_code == 416


@pytest.mark.verifies("gopro.cdn")
def test_if_match_holds_for_the_right_etag_only(scene: Scene) -> None:
    etag = scene.get()[2]["ETag"]
    assert scene.get(If_Match=etag, Range="bytes=1-2")[:2] == (206, CONTENT[1:3])
    assert scene.get(If_Match=f'"other-1", {etag}')[0] == 200
    assert scene.get(If_Match="*")[0] == 200
    status, body, _ = scene.get(If_Match='"other-1"', Range="bytes=1-2")
    assert (status, b"<Code>PreconditionFailed</Code>" in body) == (412, True)


def test_if_range_gives_the_range_for_the_right_validator_and_else_the_whole(scene: Scene) -> None:
    headers = scene.get()[2]
    for validator in (headers["ETag"], headers["Last-Modified"]):
        assert scene.get(If_Range=validator, Range="bytes=3-5")[:2] == (206, CONTENT[3:6])
    for validator in ('"other-1"', f"W/{headers['ETag']}", "Thu, 01 Jan 1970 00:00:00 GMT"):
        assert scene.get(If_Range=validator, Range="bytes=3-5")[:2] == (200, CONTENT)


def test_other_conditions_hold_too(scene: Scene) -> None:
    headers = scene.get()[2]
    assert scene.get(If_None_Match=headers["ETag"])[:2] == (304, b"")
    assert scene.get(If_Unmodified_Since=headers["Last-Modified"])[0] == 200
    assert scene.get(If_Unmodified_Since="Thu, 01 Jan 1970 00:00:00 GMT")[0] == 412


def test_a_piece_that_the_cdn_lost_is_a_404_in_xml(scene: Scene) -> None:
    answer = scene.client.fetch(scene.client.entry("video", "edit_proxy")["url"])
    assert (answer.status_code, "<Code>NoSuchKey</Code>" in answer.text) == (404, True)


def test_a_file_that_is_gone_from_the_disk_is_a_404_as_well(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "source-1.mp4").unlink()
    assert scene.get()[0] == 404


def test_the_etag_is_the_md5_of_the_parts_md5s_and_changes_with_the_file(scene: Scene, tmp_path: Path) -> None:
    def expected(content: bytes) -> str:
        inner = hashlib.md5(content, usedforsecurity=False).digest()
        return f'"{hashlib.md5(inner, usedforsecurity=False).hexdigest()}-1"'

    assert scene.get()[2]["ETag"] == expected(CONTENT)
    (tmp_path / "source-1.mp4").write_bytes(CONTENT + b"!")
    assert scene.get()[2]["ETag"] == expected(CONTENT + b"!")


def test_an_etag_counts_parts_of_20_mib(tmp_path: Path) -> None:
    path = tmp_path / "two-parts.mp4"
    path.write_bytes(bytes(ETAG_PART_BYTES) + b"!")
    parts = [hashlib.md5(part, usedforsecurity=False).digest() for part in (bytes(ETAG_PART_BYTES), b"!")]
    with GoProServer(Library((medium("video", [replace(piece(tmp_path, "source"), source=path)]),))) as server:
        answer = Client(server).fetch(Client(server).entry("video")["head"], "HEAD")
    assert answer.headers["ETag"] == f'"{hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()}-2"'


def test_a_huge_file_is_served_without_reading_it_through(tmp_path: Path) -> None:
    size = 300 * 1000**3
    path = tmp_path / "huge.mp4"
    grow_mp4(b"", path, ETAG_READS_UP_TO + 1, "seed", sparse=True)
    with path.open("r+b") as file:
        file.truncate(size)
    with GoProServer(Library((medium("video", [replace(piece(tmp_path, "source"), source=path)]),))) as server:
        client = Client(server)
        head = client.fetch(client.entry("video")["head"], "HEAD")
        tail = client.fetch(client.entry("video")["url"], headers={"Range": "bytes=-3"})
    assert head.headers["Content-Length"] == str(size)
    assert head.headers["ETag"].endswith(f'-{-(-size // ETAG_PART_BYTES)}"')
    assert (tail.content, tail.headers["Content-Range"]) == (bytes(3), f"bytes {size - 3}-{size - 1}/{size}")
