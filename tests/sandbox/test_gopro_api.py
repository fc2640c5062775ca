"""The simulator's JSON API: who may ask, and the listing's shape."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from sandbox.gopro import GoProServer, Library
from tests.sandbox.gopro_client import ACCEPT, TIMEOUT, Client, medium

MANY = Library(
    tuple(medium(f"m{number:03}", captured_at=f"2025-01-01T00:{number % 60:02}:00Z") for number in range(250))
)
FEW = Library(
    (
        medium("old", captured_at="2016-01-01T00:00:00Z", created_at="2025-03-03T00:00:00Z"),
        medium("new", captured_at="2025-01-01T00:00:00Z", created_at="2025-02-02T00:00:00Z", type="Photo"),
        medium("undated", captured_at=None, ready_to_view="transcoding", extra={"title": "x", "width": 5}),
        medium("trashed", captured_at="2024-01-01T00:00:00Z", deleted=True, file_size=None),
        medium("odd", captured_at="2023-01-01T00:00:00Z", ready_to_view="live", type="Livestream"),
    )
)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with GoProServer(FEW) as server:
        yield Client(server)


def ids(client: Client, **params: object) -> list[str]:
    return [row["id"] for row in client.json("/media/search", **params)["_embedded"]["media"]]


@pytest.mark.verifies("gopro.api")
def test_a_search_answers_with_pages_media_and_errors(client: Client) -> None:
    answer = client.json("/media/search", per_page=2, page=2)
    assert answer["_pages"] == {"current_page": 2, "per_page": 2, "total_items": 5, "total_pages": 3}
    assert answer["_embedded"]["errors"] == []
    assert len(answer["_embedded"]["media"]) == 2


@pytest.mark.parametrize(("asked", "given"), [(None, 30), (200, 200), (201, 200), (100000, 200), (7, 7)])
def test_pages_hold_30_rows_unless_asked_and_never_more_than_200(asked: int | None, given: int) -> None:
    with GoProServer(MANY) as server:
        answer = Client(server).json("/media/search", **({} if asked is None else {"per_page": asked}))
    assert answer["_pages"]["per_page"] == given
    assert len(answer["_embedded"]["media"]) == given
    assert answer["_pages"]["total_pages"] == -(-250 // given)


@pytest.mark.verifies("gopro.api")
def test_all_pages_together_hold_every_medium_once() -> None:
    with GoProServer(MANY) as server:
        found = [media_id for page in (1, 2, 3) for media_id in ids(Client(server), per_page=100, page=page)]
    assert sorted(found) == sorted(MANY.by_id)


def test_a_page_after_the_last_is_empty(client: Client) -> None:
    assert ids(client, page=9) == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("captured_at", ["new", "trashed", "odd", "old", "undated"]),
        ("created_at", ["old", "new", "undated", "trashed", "odd"]),
    ],
)
def test_the_newest_come_first_in_either_order(client: Client, order: str, expected: list[str]) -> None:
    assert ids(client, order_by=order) == expected


def test_types_and_processing_states_filter(client: Client) -> None:
    assert ids(client, type="Photo,Livestream") == ["new", "odd"]
    assert ids(client, processing_states="transcoding") == ["undated"]
    assert ids(client, processing_states="unknown") == ["odd"]


def test_only_the_fields_asked_for_are_in_a_row_besides_those_that_come_unasked(client: Client) -> None:
    rows = client.json("/media/search", fields="id,height,camera_model,no_such_field")["_embedded"]["media"]
    assert {frozenset(row) for row in rows} == {
        frozenset({"id", "height", "camera_model", "source_gumi", "source_mgumi", "token"})
    }


def test_without_fields_a_small_default_set_comes(client: Client) -> None:
    row = client.json("/media/search")["_embedded"]["media"][0]
    assert {"id", "filename", "file_size", "captured_at"} <= set(row)
    assert "folder_path" not in row


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"page": 0}, 500),
        ({"page": "x"}, 400),
        ({"page": -1}, 400),
        ({"per_page": 0}, 400),
        ({"order_by": "size"}, 400),
    ],
)
def test_senseless_pages_are_refused(client: Client, params: dict[str, object], status: int) -> None:
    assert client.get("/media/search", **params).status_code == status


def test_a_medium_shows_every_field_and_the_lengths_of_its_chapters(client: Client) -> None:
    row = client.json("/media/undated")
    assert row["id"] == "undated"
    assert row["captured_at"] is None
    assert (row["title"], row["width"]) == ("x", 5)
    assert {"item_durations", "folder_path", "gopro_user_id", "reprocessed_at", "source_duration", "token"} <= set(row)


@pytest.mark.verifies("gopro.api")
@pytest.mark.parametrize("path", ["/media/trashed", "/media/trashed/download", "/media/nobody", "/media/x/y", "/"])
def test_deleted_and_unknown_things_are_not_found(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"error": "not_found"}


def test_the_account_tells_its_totals(client: Client) -> None:
    account = client.json("/media/user")
    assert (account["total_count"], account["total_storage"]) == (5, 4)
    assert account["exempt"] == {"total_count": 5, "total_storage": 4}
    assert account["non_exempt"] == {"total_count": 0, "total_storage": 0}


def test_the_trash_is_listed_on_its_own(client: Client) -> None:
    trash = client.json("/media/deleted")
    assert [row["id"] for row in trash["deleted_media"]] == ["trashed"]
    assert trash["_pages"]["total_items"] == 1


def test_the_zip_endpoint_says_ok_and_sends_nothing(client: Client) -> None:
    url = f"{client.server.url}/media/x/zip/source"
    answer = requests.get(url, params={"ids": "new", "access_token": client.server.access_token}, timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "0", b"")
    assert requests.get(url, params={"ids": "new"}, timeout=TIMEOUT).status_code == 401


@pytest.mark.verifies("gopro.api")
@pytest.mark.parametrize("scheme", ["cookies", "token alone", "bearer"])
def test_the_token_is_taken_as_cookie_and_as_bearer(client: Client, scheme: str) -> None:
    token = client.server.access_token
    headers = {
        "cookies": {"Cookie": client.server.credentials["cookies"]},
        "token alone": {"Cookie": f"gp_access_token={token}"},
        "bearer": {"Authorization": f"Bearer {token}"},
    }[scheme]
    answer = requests.get(f"{client.server.url}/media/user", headers={"Accept": ACCEPT} | headers, timeout=TIMEOUT)
    assert answer.status_code == 200


@pytest.mark.verifies("gopro.api")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Cookie": "gp_access_token="},
        {"Cookie": "gp_access_token=stale; gp_user_id=1"},
        {"Authorization": "Bearer stale"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \xfc"},
    ],
)
def test_a_missing_or_wrong_token_is_unauthorized(client: Client, headers: dict[str, str]) -> None:
    answer = requests.get(f"{client.server.url}/media/user", headers={"Accept": ACCEPT} | headers, timeout=TIMEOUT)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_request"


def test_another_accept_header_is_taken_with_the_token_and_only_with_it(client: Client) -> None:
    other = {"Accept": "application/json"}
    cookie = {"Cookie": client.server.credentials["cookies"]}
    refused = requests.get(f"{client.server.url}/media/user", headers=other, timeout=TIMEOUT)
    assert (refused.status_code, refused.content) == (406, b"")
    assert requests.get(f"{client.server.url}/media/user", headers=other | cookie, timeout=TIMEOUT).ok


def test_an_empty_filter_filters_nothing(client: Client) -> None:
    assert len(ids(client, type="", processing_states="", order_by="")) == 5
    assert "filename" in client.json("/media/search", fields="")["_embedded"]["media"][0]


def test_what_is_in_the_trash_alone_is_neither_listed_nor_counted() -> None:
    library = Library((medium("here"), medium("trash", deleted=True, listed=False)))
    with GoProServer(library) as server:
        client = Client(server)
        assert ids(client) == ["here"]
        assert client.json("/media/user")["total_count"] == 1
        assert client.get("/media/trash").status_code == 404
        assert [row["id"] for row in client.json("/media/deleted")["deleted_media"]] == ["trash"]


def test_the_trash_has_pages_and_heeds_no_filter() -> None:
    library = Library(tuple(medium(f"m{number}", deleted=True) for number in range(5)))
    with GoProServer(library) as server:
        trash = Client(server).json("/media/deleted", page=2, per_page=2, type="Photo", fields="id")
        refused = Client(server).get("/media/deleted", page=0).status_code
    assert [row["id"] for row in trash["deleted_media"]] == ["m2", "m3"]
    assert trash["deleted_media"][0]["filename"] == "m2.MP4"
    assert trash["_pages"] == {"current_page": 2, "per_page": 2, "total_items": 5, "total_pages": 3}
    assert refused == 500


def test_a_medium_tells_its_hilight_tags(client: Client) -> None:
    with GoProServer(Library((medium("one", moments=(1200, 5300)),))) as server:
        found = Client(server).json("/media/one/moments", fields="time")
        row = Client(server).json("/media/one")
    assert [moment["time"] for moment in found["_embedded"]["moments"]] == [1200, 5300]
    assert {moment["medium_id"] for moment in found["_embedded"]["moments"]} == {"one"}
    assert (found["_pages"]["total_items"], row["moments_count"]) == (2, 2)
    assert client.get("/media/trashed/moments").status_code == 404


def test_a_write_is_refused_and_noted_and_does_not_upset_the_connection() -> None:
    with GoProServer(FEW) as server, requests.Session() as session:
        session.headers.update({"Accept": ACCEPT, "Cookie": server.credentials["cookies"]})
        refused = session.put(f"{server.url}/media/new", data=b"GET /smuggled HTTP/1.1\r\n\r\n", timeout=TIMEOUT)
        assert (refused.status_code, refused.headers["Connection"]) == (405, "close")
        assert session.get(f"{server.url}/media/new", timeout=TIMEOUT).status_code == 200
        assert [one.path for one in server.requests] == ["/media/new", "/media/new"]
        assert server.violations == ("a backup only reads, but this writes: PUT /media/new",)


def test_every_row_carries_a_secret_that_leak_tests_know(client: Client) -> None:
    rows = client.json("/media/search", fields="id")["_embedded"]["media"]
    tokens = {row["token"] for row in rows}
    assert len(tokens) == len(rows)
    assert all(any(mark in token for mark in client.server.canaries) for token in tokens)
    assert any(mark in client.server.credentials["cookies"] for mark in client.server.canaries)


def test_two_servers_share_no_secret() -> None:
    first, second = GoProServer(FEW), GoProServer(FEW)
    assert not set(first.canaries) & set(second.canaries)
    assert first.access_token != second.access_token
    assert not any(mark in repr(vars(first)) for mark in first.canaries)
