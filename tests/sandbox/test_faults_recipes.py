"""``fault = "F22"``: what each id does to whoever talks to the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

import sandbox.faults
from sandbox.faults import Faults, FaultsError, load_faults
from sandbox.faults.recipes import RECIPES
from sandbox.gopro import GoProServer, Library, Seeded, SimPiece
from sandbox.gopro.rows import DEFAULT_FIELDS
from sandbox.wire.calls import Call, Caller
from sandbox.wire.orders import UNDISTURBED
from tests.sandbox.gopro_client import Client, medium

EXAMPLE = Path(sandbox.faults.__file__).with_name("example.toml")
SIZE = 70_000
NOW = 1_800_000_000.0


def library(count: int = 5) -> Library:
    return Library(
        tuple(
            medium(
                f"m{number}",
                [SimPiece("source", Seeded(f"s{number}", SIZE), 1, "mp4")],
                captured_at=f"2025-01-0{number + 1}T00:00:00Z",
                file_size=SIZE,
            )
            for number in range(count)
        )
    )


def faults(tmp_path: Path, text: str, **options: Any) -> Faults:
    path = tmp_path / "faults.toml"
    path.write_text(f"[[fault]]\n{text}")
    return load_faults(path, **options)


@contextmanager
def under(tmp_path: Path, fault: str, further: str = "") -> Iterator[Client]:
    """A client of a server under one fault, which must really happen."""
    loaded = faults(tmp_path, f'fault = "{fault}"\n{further}', everyone=True)
    with GoProServer(library(), plan=loaded.plan, clock=lambda: NOW) as server:
        yield Client(server)
    assert [one for one in loaded.record.fired if one.took_effect]


def content(number: int, size: int = SIZE) -> bytes:
    return b"".join(Seeded(f"s{number}", size).blocks(0, size))


def url(client: Client, media_id: str = "m0") -> str:
    return str(client.entry(media_id)["url"])


def pages(client: Client, per_page: int = 2, count: int = 3) -> list[list[dict[str, Any]]]:
    asked = [client.json("/media/search", page=page, per_page=per_page) for page in range(1, count + 1)]
    return [document["_embedded"]["media"] for document in asked]


def ids(rows: list[dict[str, Any]]) -> list[Any]:
    return [row.get("id") for row in rows]


# ---- bytes ----


@pytest.mark.verifies("faults.ids")
@pytest.mark.parametrize("fault", ["F01", "F02"])
def test_the_first_file_breaks_off_and_the_second_does_not(tmp_path: Path, fault: str) -> None:
    with under(tmp_path, fault) as client:
        with pytest.raises(requests.RequestException):
            client.fetch(url(client))
        assert client.fetch(url(client)).content == content(0)


@pytest.mark.verifies("faults.ids")
def test_f04_no_file_tells_its_length(tmp_path: Path) -> None:
    with under(tmp_path, "F04") as client:
        for _ in range(2):
            answer = client.fetch(url(client))
            assert "Content-Length" not in answer.headers
            assert answer.content == content(0)


@pytest.mark.verifies("faults.ids")
def test_f05_ranges_are_ignored(tmp_path: Path) -> None:
    with under(tmp_path, "F05") as client:
        answer = client.fetch(url(client), headers={"Range": "bytes=5-9"})
    assert (answer.status_code, answer.content) == (200, content(0))


@pytest.mark.verifies("faults.ids")
def test_f06_the_range_is_another_one(tmp_path: Path) -> None:
    with under(tmp_path, "F06") as client:
        answer = client.fetch(url(client), headers={"Range": "bytes=5-9"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (206, f"bytes 6-10/{SIZE}")
    assert answer.content == content(0)[5:10]


@pytest.mark.verifies("faults.ids")
def test_f07_no_such_range(tmp_path: Path) -> None:
    with under(tmp_path, "F07") as client:
        assert client.fetch(url(client), headers={"Range": "bytes=5-9"}).status_code == 416


@pytest.mark.verifies("faults.ids")
def test_f08_a_byte_more_than_asked(tmp_path: Path) -> None:
    with under(tmp_path, "F08") as client:
        answer = client.fetch(url(client), headers={"Range": "bytes=5-9"})
    assert (answer.headers["Content-Length"], answer.headers["Content-Range"]) == ("6", f"bytes 5-9/{SIZE}")
    assert answer.content == content(0)[5:10] + b"\0"


@pytest.mark.verifies("faults.ids")
def test_f09_the_second_answer_has_another_etag(tmp_path: Path) -> None:
    with under(tmp_path, "F09") as client:
        etags = [client.fetch(url(client), headers={"Range": "bytes=5-9"}).headers["ETag"] for _ in range(3)]
    assert etags[0] == etags[2] != etags[1]


@pytest.mark.verifies("faults.ids")
def test_f10_the_connection_breaks_and_every_url_has_expired(tmp_path: Path) -> None:
    with under(tmp_path, "F10") as client:
        first, other = url(client), url(client, "m1")
        with pytest.raises(requests.RequestException):
            client.fetch(first)
        for stale in (first, other):
            answer = client.fetch(stale, headers={"Range": "bytes=9-"})
            assert (answer.status_code, b"Request has expired" in answer.content) == (403, True)
        assert client.fetch(url(client)).content == content(0)


@pytest.mark.verifies("faults.ids")
@pytest.mark.parametrize(("fault", "host"), [("F11", "files.example.com"), ("F11/login", "gopro.com")])
def test_f11_leads_elsewhere(tmp_path: Path, fault: str, host: str) -> None:
    with under(tmp_path, fault) as client:
        asked = url(client) if fault == "F11" else f"{client.server.url}/media/search"
        headers = {} if fault == "F11" else {"Cookie": client.server.credentials["cookies"]}
        answer = requests.get(asked, headers=headers, allow_redirects=False, timeout=20)
    assert (answer.status_code, answer.headers["Location"].split("/")[2]) == (302, host)


@pytest.mark.verifies("faults.ids")
def test_f12_claims_an_encoding(tmp_path: Path) -> None:
    with under(tmp_path, "F12") as client:
        answer = requests.get(url(client), stream=True, timeout=20)
        assert answer.headers["Content-Encoding"] == "gzip"
        answer.close()


@pytest.mark.verifies("faults.ids")
def test_f13_is_a_web_page(tmp_path: Path) -> None:
    with under(tmp_path, "F13") as client:
        answer = client.fetch(url(client))
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.verifies("faults.ids")
def test_f14_one_byte_is_another_and_nothing_else_tells(tmp_path: Path) -> None:
    with under(tmp_path, "F14") as client:
        wrong, right = client.fetch(url(client)), client.fetch(url(client))
    assert (len(wrong.content), wrong.headers["ETag"]) == (SIZE, right.headers["ETag"])
    assert (wrong.content[0] ^ 0xFF, wrong.content[1:]) == (right.content[0], right.content[1:])


@pytest.mark.verifies("faults.ids")
def test_f15_is_slow(tmp_path: Path) -> None:
    assert faults(tmp_path, 'fault = "F15"', everyone=True).plan(Call("gopro-cdn", "get", "/x")).rate == 2_000


@pytest.mark.verifies("faults.ids")
def test_f16_the_file_has_no_bytes_any_more_and_the_listing_says_otherwise(tmp_path: Path) -> None:
    with under(tmp_path, "F16") as client:
        entry = client.entry("m0")
        head = client.fetch(entry["head"], "HEAD")
        whole = client.fetch(entry["url"])
        part = client.fetch(entry["url"], headers={"Range": "bytes=0-9"})
        assert client.json("/media/m0")["file_size"] == SIZE
    assert (head.headers["Content-Length"], whole.content, part.status_code) == ("0", b"", 416)


# ---- the catalogue ----


def _larger(row: dict[str, Any]) -> bool:
    return bool(row["file_size"] == SIZE + 3_245)


def _bare(row: dict[str, Any]) -> bool:
    facts = {name: value for name, value in row.items() if name not in {"id", "token", "ready_to_view", "type"}}
    return row["type"] == "NotYetKnown" and set(facts.values()) == {None} and not set(DEFAULT_FIELDS) <= set(row)


@pytest.mark.verifies("faults.ids")
@pytest.mark.parametrize(
    ("fault", "holds"),
    [("F03", _larger), ("F17", lambda row: row["file_size"] is None), ("F18", _bare)],
)
def test_every_row_of_every_page_is_odd(tmp_path: Path, fault: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    with under(tmp_path, fault) as client:
        rows = [row for page in pages(client) for row in page]
        assert client.fetch(url(client)).content == content(0)
    assert len(rows) == 5
    assert all(holds(row) for row in rows)


@pytest.mark.verifies("faults.ids")
def test_f18_a_row_without_id(tmp_path: Path) -> None:
    with under(tmp_path, "F18/id", "nth = 2") as client:
        assert [ids(page) for page in pages(client)] == [["m4", "m3"], ["m2", None], ["m0"]]


@pytest.mark.verifies("faults.ids")
def test_f19_is_another_schema(tmp_path: Path) -> None:
    with under(tmp_path, "F19") as client:
        answer = client.json("/media/search")
    assert answer
    assert "_embedded" not in answer


@pytest.mark.verifies("faults.ids")
@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("F20", 200, "text/html"),
        ("F20/401", 401, "application/vnd"),
        ("F20/403", 403, "application/vnd"),
        ("F20/500", 500, "application/vnd"),
    ],
)
def test_f20_refuses_every_call_to_the_api(tmp_path: Path, fault: str, status: int, kind: str) -> None:
    with under(tmp_path, fault) as client:
        answers = [client.get(path) for path in ("/media/user", "/media/search", "/media/m0/download")]
    assert {answer.status_code for answer in answers} == {status}
    assert all(answer.headers["Content-Type"].startswith(kind) for answer in answers)


@pytest.mark.verifies("faults.ids")
@pytest.mark.parametrize(("fault", "status"), [("F21", 401), ("F21/500", 500)])
def test_f21_the_token_ends_in_the_middle_and_files_go_on(tmp_path: Path, fault: str, status: int) -> None:
    with under(tmp_path, fault) as client:
        found = url(client)
        statuses = [client.get("/media/search").status_code for _ in range(6)]
        assert client.fetch(found).content == content(0)
    assert statuses == [200] * 3 + [status] * 3


@pytest.mark.verifies("faults.ids")
def test_f22_asks_to_wait_in_seconds_or_until_a_date(tmp_path: Path) -> None:
    with under(tmp_path, "F22") as client:
        first, second = client.get("/media/search"), client.get("/media/search")
    assert (first.status_code, first.headers["Retry-After"], second.status_code) == (429, "1", 200)
    with under(tmp_path, "F22/date") as client:
        first, second = client.get("/media/search"), client.get("/media/search")
    assert (first.status_code, second.status_code) == (429, 200)
    assert parsedate_to_datetime(first.headers["Retry-After"]).timestamp() == NOW + 2


@pytest.mark.verifies("faults.ids")
def test_f23_is_down_then_empty_then_broken_and_passes(tmp_path: Path) -> None:
    with under(tmp_path, "F23") as client:
        answers = [client.get("/media/search") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 200, 200, 200]
    assert answers[1].content == b""
    with pytest.raises(requests.JSONDecodeError):
        answers[2].json()
    assert answers[3].json()["_pages"]["total_items"] == 5


@pytest.mark.verifies("faults.ids")
def test_f23_a_firewall_blocks_once(tmp_path: Path) -> None:
    with under(tmp_path, "F23/waf") as client:
        blocked, passed = client.get("/media/search"), client.get("/media/search")
    assert (blocked.status_code, passed.status_code) == (403, 200)
    assert "Request blocked" in blocked.text


@pytest.mark.verifies("faults.ids")
def test_f24_a_deletion_between_pages_makes_a_gap(tmp_path: Path) -> None:
    with under(tmp_path, "F24") as client:
        found = [ids(page) for page in pages(client)]
        assert ids(client.json("/media/deleted")["deleted_media"]) == ["m4"]
        assert client.json("/media/user")["total_count"] == 4
        assert client.get("/media/m4").status_code == 404
        assert client.server.library.served("m4") == []
    assert found == [["m4", "m3"], ["m1", "m0"], []]


@pytest.mark.verifies("faults.ids")
def test_f24_an_upload_between_pages_shows_a_row_twice(tmp_path: Path) -> None:
    with under(tmp_path, "F24/upload") as client:
        found = [ids(page) for page in pages(client)]
        assert ids(pages(client)[0])[0] == "uploaded-1"
        [piece] = client.server.library.served("uploaded-1")
        assert client.fetch(url(client, "uploaded-1")).content == b"".join(piece.content.blocks(0, piece.size))
    assert found == [["m4", "m3"], ["m3", "m2"], ["m1", "m0"]]


@pytest.mark.verifies("faults.ids")
def test_f25_total_pages_is_wrong_in_both_directions(tmp_path: Path) -> None:
    with under(tmp_path, "F25") as client:
        told = [client.json("/media/search", page=page, per_page=2)["_pages"] for page in (1, 2, 3, 4)]
    assert [one["total_pages"] for one in told] == [1, 1_000_000, 1_000_000, 1_000_000]
    assert {one["total_items"] for one in told} == {5}


@pytest.mark.verifies("faults.ids")
def test_f26_rows_come_on_two_pages(tmp_path: Path) -> None:
    with under(tmp_path, "F26") as client:
        found = [ids(page) for page in pages(client)]
    assert found == [["m4", "m3"], ["m3", "m2", "m1"], ["m1", "m0"]]


@pytest.mark.verifies("faults.ids")
def test_f28_the_medium_is_transcoded_again(tmp_path: Path) -> None:
    with under(tmp_path, "F28") as client:
        [entry] = client.embedded("m0")["variations"]
        assert entry["available"] is False
        assert client.json("/media/m0")["ready_to_view"] == "transcoding"
        assert client.fetch(entry["url"]).status_code == 404
        assert client.server.library.served("m0") == []
        assert client.fetch(url(client, "m1")).content == content(1)


@pytest.mark.verifies("faults.ids")
def test_f29_the_medium_is_gone_when_it_is_asked_for(tmp_path: Path) -> None:
    with under(tmp_path, "F29", "nth = 2") as client:
        early = url(client)
        assert client.get("/media/m0/download").status_code == 404
        assert client.get("/media/m0").status_code == 404
        assert client.fetch(early).status_code == 404
        assert client.fetch(url(client, "m1")).content == content(1)


@pytest.mark.verifies("faults.ids")
def test_f30_the_source_is_edited_under_the_same_id(tmp_path: Path) -> None:
    with under(tmp_path, "F30") as client:
        before = client.fetch(url(client))
        after = client.fetch(url(client), headers={"Range": "bytes=0-99"})
        refused = client.fetch(url(client), headers={"If-Match": before.headers["ETag"]})
        row = client.json("/media/search", fields="id,revision_number,reprocessed_at")["_embedded"]["media"][-1]
        [piece] = client.server.library.served("m0")
        assert client.fetch(url(client)).content == b"".join(piece.content.blocks(0, SIZE)) != before.content
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.content != before.content[:100]
    assert refused.status_code == 412
    assert (row["id"], row["revision_number"], row["reprocessed_at"]) == ("m0", 1, "2027-01-15T08:00:00Z")


# ---- the file ----


@pytest.mark.verifies("faults.file")
def test_the_example_names_every_id() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert [name for name in RECIPES if name not in text] == []
    ours = {f"F{number:02}" for number in range(1, 31)} - {"F27"}
    assert {name.split("/")[0] for name in RECIPES} == ours


@pytest.mark.verifies("faults.file")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fault = 'F99'", "fault 1: fault cannot be 'F99'; "),
        ("fault = 'f22'", "fault 1: fault cannot be 'f22'; did you mean 'F22'?"),
        ("fault = 'F27'", "fault 1: fault 'F27' is a shape and does not happen: give --library "),
        ("fault = 'F34'", "fault 1: fault 'F34' is not the source's: write it out, with at and an effect of its own"),
        ("fault = 3", "fault 1: fault must be a text that is not empty"),
        ("fault = 'F22'\nat = 's3'", "fault 1: key 'at' is not known; "),
        ("fault = 'F22'\nstatus = 503", "fault 1: key 'status' is not known; "),
        ("fault = 'F23'\nnth = 2", "fault 1: nth has no sense with 'F23', which says itself what happens when"),
        ("fault = 'F22'\nnth = 2\ntimes = 3", "fault 1: nth and times contradict each other: give one of them"),
        ("at = 's3'\nlose = true\nsince = 2\ntimes = 3", "fault 1: times and since contradict each other: give one"),
        ("at = 's3'\nlose = true\nsince = 0", "fault 1: since must be a whole number from 1 to "),
        ("fault = 'F22'\nfunction = 'media_listre'", "fault 1: function 'media_listre' is none of the functions; "),
    ],
)  # fmt: skip
def test_a_wrong_id_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FaultsError) as caught:
        faults(tmp_path, text, functions=("media_lister",))
    assert str(caught.value).startswith(f"faults.toml: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.verifies("faults.file")
def test_selectors_narrow_and_move_an_id(tmp_path: Path) -> None:
    def befallen(text: str, calls: list[Call]) -> list[int]:
        plan = faults(tmp_path, f"fault = 'F01'\n{text}", functions=("a", "b")).plan
        return [number for number, call in enumerate(calls, start=1) if plan(call) is not UNDISTURBED]

    calls = [Call("gopro-cdn", "get", f"/{name}", Caller(name, 1)) for name in "abababab"]
    assert befallen("", calls) == [1]
    assert befallen("nth = [2, 3]", calls) == [2, 3]
    assert befallen("times = 2", calls) == [1, 2]
    assert befallen("since = 7", calls) == [7, 8]
    assert befallen("resource = '/b'", calls) == [2]
    assert befallen("function = 'b'\nnth = 2", calls) == [4]


@pytest.mark.verifies("faults.file")
def test_from_one_call_on(tmp_path: Path) -> None:
    loaded = faults(tmp_path, "at = 's3'\nsince = 3\nlose = true")
    orders = [loaded.plan(Call("s3", "PutObject", "b/k", Caller("f", 1))).lost for _ in range(5)]
    assert orders == [False, False, True, True, True]


@pytest.mark.verifies("faults.record")
def test_each_step_that_never_happened_is_named(tmp_path: Path) -> None:
    loaded = faults(tmp_path, "fault = 'F23'")
    loaded.plan(Call("gopro-api", "search", "/media/search", Caller("f", 1)))
    loaded.plan(Call("gopro-api", "search", "/media/search", Caller("f", 1)))
    assert loaded.never_happened() == ("fault 1 (F23, status 200 at gopro-api search)",)
    assert [one.fault for one in loaded.record.fired] == [1, 1]
