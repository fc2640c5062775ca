"""The wire: what is sent, what is retried, and what each of GoPro's habits means."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import pytest
import requests
import responses
from responses.matchers import header_matcher, query_param_matcher

from cloud_sync_common.edges import http
from cloud_sync_common.edges.gopro_api import GoProApi
from cloud_sync_common.errors import (
    APIError,
    CredentialsExpired,
    MediumNotFound,
    MediumRefused,
    SchemaChanged,
    SourceThrottled,
    SourceUnavailable,
)
from tests.unit.gopro_http import (
    ACCOUNT,
    BLOCKED,
    CANARY,
    CREDENTIALS,
    DELETED,
    DOWNLOAD,
    LOGIN_PAGE,
    MEDIUM,
    NOW,
    SEARCH,
    Naps,
    download_answer,
    forms_sent,
    make_api,
    offered,
    query_of,
)

PAGE = {"_pages": {"per_page": 100, "total_items": 1, "total_pages": 1}, "_embedded": {"media": [{"id": "m1"}]}}


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def naps() -> Naps:
    return Naps()


def headers_sent(web: responses.RequestsMock, index: int = 0) -> Any:
    return web.calls[index].request.headers


def test_a_page_is_asked_for_with_everything_explicit(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, json=PAGE)
    page = make_api(naps).search(3, 200, CREDENTIALS)
    assert (page.number, page.per_page, page.media[0].media_id) == (3, 100, "m1")
    sent = query_of(web)
    assert (sent["page"], sent["per_page"], sent["order_by"]) == ("3", "200", "captured_at")
    assert {"transcoding", "failure", "ready", "unknown"} <= set(sent["processing_states"].split(","))
    assert {"id", "filename", "file_size", "item_count", "reprocessed_at"} <= set(sent["fields"].split(","))
    assert "type" not in sent


def test_the_headers_are_those_of_the_browser_and_nothing_else_identifies_us(
    web: responses.RequestsMock, naps: Naps, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.gopro.com login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    web.get(ACCOUNT, json={}, headers={"Set-Cookie": "tracking=1; Path=/"})
    api = make_api(naps)
    for _ in range(2):
        api.account(CREDENTIALS)
    sent = headers_sent(web, 1)
    assert sent["Accept"] == "application/vnd.gopro.jk.media+json; version=2.0.0"
    assert sent["Cookie"] == CREDENTIALS.cookies
    assert sent["User-Agent"] == CREDENTIALS.user_agent
    assert "Authorization" not in sent


def test_cookies_that_gopro_sets_are_not_kept(web: responses.RequestsMock, naps: Naps) -> None:
    session = requests.Session()
    web.get(ACCOUNT, json={}, headers={"Set-Cookie": "tracking=1; Path=/"})
    GoProApi(session, sleep=naps, clock=lambda: NOW, jitter=lambda: 0.0).account(CREDENTIALS)
    assert not list(session.cookies)


@pytest.mark.parametrize(("page", "per_page"), [(0, 200), (1, 0), (1, 201)])
def test_pages_that_gopro_does_not_serve_are_not_asked_for(page: int, per_page: int, naps: Naps) -> None:
    with pytest.raises(ValueError, match="per_page"):
        make_api(naps).search(page, per_page, CREDENTIALS)


def test_a_download_answer_is_handed_on(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(DOWNLOAD, json=download_answer(offered("source")))
    assert make_api(naps).download("m1", CREDENTIALS)["filename"] == "GX010042.MP4"


def test_the_account_gives_totals_or_none(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(ACCOUNT, json={"total_count": "971", "total_storage": None})
    totals = make_api(naps).account(CREDENTIALS)
    assert (totals.total_items, totals.total_bytes) == (971, None)


def test_the_whole_record_of_a_medium_is_handed_on(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(MEDIUM, json={"id": "m1", "new_field": [1]}, match=[query_param_matcher({})])
    assert make_api(naps).medium("m1", CREDENTIALS) == {"id": "m1", "new_field": [1]}


@pytest.mark.parametrize(
    ("status", "error"), [(404, MediumNotFound), (401, CredentialsExpired), (503, SourceUnavailable)]
)
def test_a_record_that_gopro_does_not_give_is_an_error(
    web: responses.RequestsMock, naps: Naps, status: int, error: type[APIError]
) -> None:
    web.get(MEDIUM, status=status)
    with pytest.raises(error):
        make_api(naps, attempts=2).medium("m1", CREDENTIALS)


def test_the_trash_is_read_page_by_page_with_gopros_own_counts(web: responses.RequestsMock, naps: Naps) -> None:
    counts = {"current_page": 2, "per_page": 30, "total_items": 31, "total_pages": 2}
    web.get(DELETED, json={"deleted_media": [{"id": "m1"}, {"no": "id"}], "_pages": counts})
    page = make_api(naps).deleted(2, CREDENTIALS)
    assert [medium.media_id for medium in page.media] == ["m1"]
    assert (page.number, page.per_page, page.total_items, page.total_pages) == (2, 30, 31, 2)
    assert (page.problems, page.is_last) == (1, True)
    assert query_of(web)["page"] == "2"


def test_an_empty_trash_is_empty_and_one_of_another_shape_an_error(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(DELETED, json={"deleted_media": [], "_pages": {}})
    page = make_api(naps).deleted(1, CREDENTIALS)
    assert (page.media, page.is_last) == ((), True)
    web.replace(responses.GET, DELETED, json={"_embedded": {"media": [{"id": CANARY}]}})
    with pytest.raises(SchemaChanged, match=r"`deleted_media`.*seen: \{_embedded: \{media: \[1 of \{id: str\}\]\}\}"):
        make_api(naps).deleted(1, CREDENTIALS)


def test_a_medium_exists_until_gopro_says_404(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(MEDIUM, json={"id": "m1"})
    assert make_api(naps).medium_exists("m1", CREDENTIALS)
    web.replace(responses.GET, MEDIUM, status=404)
    assert not make_api(naps).medium_exists("m1", CREDENTIALS)


def test_nothing_but_404_says_that_a_medium_is_gone(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(MEDIUM, status=503)
    with pytest.raises(SourceUnavailable):
        make_api(naps).medium_exists("m1", CREDENTIALS)


def test_a_download_of_no_medium_is_not_found(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(DOWNLOAD, status=404, body="<html>login</html>")
    with pytest.raises(MediumNotFound) as error:
        make_api(naps).download("m1", CREDENTIALS)
    assert error.value.status == 404


@pytest.mark.parametrize("media_id", ["a/b", "../x", "a b", "x?y=1", "é"])
def test_an_id_stays_one_segment_of_the_path(web: responses.RequestsMock, naps: Naps, media_id: str) -> None:
    path = quote(media_id, safe="")
    web.get(f"https://api.gopro.com/media/{path}/download", json=download_answer())
    make_api(naps).download(media_id, CREDENTIALS)
    assert web.calls[0].request.url == f"https://api.gopro.com/media/{path}/download"


@pytest.mark.parametrize("media_id", ["", ".", ".."])
def test_an_id_that_would_walk_up_the_path_is_not_sent(naps: Naps, media_id: str) -> None:
    with pytest.raises(MediumNotFound):
        make_api(naps).download(media_id, CREDENTIALS)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 509])
def test_passing_trouble_is_retried_with_growing_pauses(web: responses.RequestsMock, naps: Naps, status: int) -> None:
    web.get(SEARCH, status=status)
    web.get(SEARCH, body=requests.ConnectionError("x"))
    web.get(SEARCH, status=status)
    web.get(SEARCH, json=PAGE)
    assert make_api(naps).search(1, 200, CREDENTIALS).media
    assert naps == [0.5, 1.0, 2.0]


def test_pauses_are_jittered_down_to_zero(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, status=503)
    web.get(SEARCH, json=PAGE)
    make_api(naps, jitter=0.0).search(1, 200, CREDENTIALS)
    assert naps == []


@pytest.mark.parametrize(
    ("value", "pause"),
    [("7", 7.0), (formatdate(NOW + 9, usegmt=True), 9.0), (formatdate(NOW - 9, usegmt=True), 0.0), ("soon", 0.0)],
)
def test_retry_after_is_obeyed_as_seconds_or_date(
    web: responses.RequestsMock, naps: Naps, value: str, pause: float
) -> None:
    web.get(SEARCH, status=429, headers={"Retry-After": value})
    web.get(SEARCH, json=PAGE)
    make_api(naps, jitter=0.0).search(1, 200, CREDENTIALS)
    assert sum(naps) == pause


def test_a_long_retry_after_is_left_to_the_workflow(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, status=429, headers={"Retry-After": "61"})
    with pytest.raises(SourceThrottled) as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    assert (naps, error.value.retry_after, error.value.status) == ([], 61.0, 429)


def test_throttling_without_end_is_told_apart_from_an_outage(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, status=429, headers={"Retry-After": "2"})
    with pytest.raises(SourceThrottled) as error:
        make_api(naps, attempts=3).search(1, 200, CREDENTIALS)
    assert (len(web.calls), error.value.retry_after) == (3, 2.0)


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ({"status": 503}, 503),
        ({"status": 408}, 408),
        ({"body": requests.ReadTimeout(CANARY)}, 408),
        ({"body": requests.ConnectTimeout(CANARY)}, 408),
        ({"body": requests.ConnectionError(f"url: /media?x={CANARY}")}, 0),
        ({"body": requests.exceptions.ChunkedEncodingError(CANARY)}, 0),
        ({"body": requests.exceptions.SSLError(CANARY)}, 0),
        ({"body": requests.exceptions.ProxyError(CANARY)}, 0),
        ({"body": requests.exceptions.InvalidHeader(CANARY)}, 0),
        ({"body": ""}, 200),
        ({"body": " \n"}, 200),
        ({"status": 204}, 204),
        ({"body": '{"_embedded": {"med'}, 200),
    ],
)
def test_lasting_trouble_is_an_unavailable_source_in_one_clean_line(
    web: responses.RequestsMock, naps: Naps, trouble: dict[str, Any], status: int
) -> None:
    web.get(SEARCH, **trouble)
    with pytest.raises(SourceUnavailable) as error:
        make_api(naps, attempts=3).search(1, 200, CREDENTIALS)
    assert error.value.status == status
    assert (len(web.calls), len(naps)) == (3, 2)
    assert CANARY not in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


@pytest.mark.parametrize("status", [401, 403])
def test_refused_cookies_are_said_at_once(web: responses.RequestsMock, naps: Naps, status: int) -> None:
    web.get(SEARCH, status=status, json={"error": CANARY})
    with pytest.raises(CredentialsExpired) as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    assert error.value.status == status
    assert forms_sent(web) == ["Cookie", "Bearer"]
    assert CANARY not in str(error.value)


@pytest.mark.parametrize("status", [400, 405, 406, 422, 451])
@pytest.mark.parametrize("ask", ["download", "medium_exists"])
def test_a_refusal_of_one_medium_is_that_mediums_trouble(
    web: responses.RequestsMock, naps: Naps, status: int, ask: str
) -> None:
    web.get(DOWNLOAD if ask == "download" else MEDIUM, status=status, body=CANARY)
    with pytest.raises(MediumRefused, match=f"GoPro refuses to serve this medium .{status}.") as error:
        getattr(make_api(naps), ask)("m1", CREDENTIALS)
    assert (error.value.status, len(web.calls)) == (status, 1)
    assert CANARY not in str(error.value)


@pytest.mark.parametrize(
    ("account", "expected", "requests_sent"),
    [
        ({"json": {"total_count": 1}}, MediumRefused, 2),
        ({"status": 401}, CredentialsExpired, 3),
        ({"status": 403}, CredentialsExpired, 3),
        ({"status": 404}, CredentialsExpired, 2),
        ({"json": ["odd"]}, MediumRefused, 2),
    ],
)
def test_a_403_for_one_medium_is_checked_against_the_cheapest_call(
    web: responses.RequestsMock, naps: Naps, account: dict[str, Any], expected: type[APIError], requests_sent: int
) -> None:
    web.get(DOWNLOAD, status=403, json={"error": CANARY})
    web.get(ACCOUNT, **account)
    with pytest.raises(expected) as error:
        make_api(naps).download("m1", CREDENTIALS)
    assert type(error.value) is expected
    assert len(web.calls) == requests_sent
    assert CANARY not in str(error.value)


def test_a_403_for_one_medium_is_asked_again_while_the_account_does_not_answer(
    web: responses.RequestsMock, naps: Naps
) -> None:
    web.get(DOWNLOAD, status=403)
    web.get(ACCOUNT, status=503)
    web.get(DOWNLOAD, json=download_answer(offered("source")))
    assert make_api(naps).download("m1", CREDENTIALS)["filename"] == "GX010042.MP4"
    assert naps == [0.5]


@pytest.mark.parametrize(("account", "expected"), [(200, MediumRefused), (401, CredentialsExpired)])
def test_a_login_page_for_one_medium_is_checked_against_the_cheapest_call(
    web: responses.RequestsMock, naps: Naps, account: int, expected: type[APIError]
) -> None:
    web.get(DOWNLOAD, body=LOGIN_PAGE, content_type="text/html")
    web.get(ACCOUNT, status=account, json={"total_count": 1})
    with pytest.raises(expected):
        make_api(naps).download("m1", CREDENTIALS)


def test_a_401_for_one_medium_means_expired_cookies_without_another_question(
    web: responses.RequestsMock, naps: Naps
) -> None:
    web.get(DOWNLOAD, status=401)
    with pytest.raises(CredentialsExpired):
        make_api(naps).download("m1", CREDENTIALS)
    assert {str(call.request.url) for call in web.calls} == {DOWNLOAD}
    assert forms_sent(web) == ["Cookie", "Bearer"]


def test_a_firewall_is_not_taken_for_expired_cookies(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, status=403, body=BLOCKED, content_type="text/html")
    with pytest.raises(SourceUnavailable, match="firewall"):
        make_api(naps).search(1, 200, CREDENTIALS)


@pytest.mark.parametrize("before", ["", "\ufeff", " \r\n", "\ufeff\n<!-- GoPro -->"])
@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/json"])
def test_a_login_page_with_status_200_means_expired_cookies(
    web: responses.RequestsMock, naps: Naps, content_type: str, before: str
) -> None:
    web.get(SEARCH, body=(before + LOGIN_PAGE).encode(), content_type=content_type)
    with pytest.raises(CredentialsExpired) as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    assert error.value.status == 401


@pytest.mark.parametrize(
    "location",
    ["https://gopro.com/login?redirect=x", "https://login.gopro.com/", "/oauth2/authorize?x=1", "/sign-in"],
)
def test_a_redirect_to_the_login_is_not_followed_and_means_expired_cookies(
    web: responses.RequestsMock, naps: Naps, location: str
) -> None:
    web.get(SEARCH, status=302, headers={"Location": location})
    with pytest.raises(CredentialsExpired):
        make_api(naps).search(1, 200, CREDENTIALS)
    assert {str(call.request.url).partition("?")[0] for call in web.calls} == {SEARCH}


@pytest.mark.parametrize(
    "location", [f"https://evil.net/{CANARY}?{CANARY}", "//elsewhere.net/v2", "/v2/media/search", ""]
)
def test_any_other_redirect_is_not_followed(web: responses.RequestsMock, naps: Naps, location: str) -> None:
    web.get(SEARCH, status=301, headers={"Location": location})
    with pytest.raises(SchemaChanged) as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    assert len(web.calls) == 1
    assert CANARY not in str(error.value)


def test_the_host_of_a_redirect_is_shown_up_to_a_length(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, status=301, headers={"Location": f"https://{'a' * 60_000}/"})
    with pytest.raises(SchemaChanged, match=r"redirects its API to a{100}; not followed$"):
        make_api(naps).search(1, 200, CREDENTIALS)


def test_a_redirect_that_cannot_be_read_is_a_changed_api(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, status=302, headers={"Location": f"https://[{CANARY}"})
    with pytest.raises(SchemaChanged, match="cannot be read") as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    assert len(web.calls) == 1
    assert CANARY not in str(error.value)


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html><body>Welcome</body></html>", "content_type": "text/html"},
        {"json": [CANARY]},
        {"json": {"results": [CANARY]}},
        {"body": CANARY},
        {"status": 400, "body": CANARY},
        {"status": 406},
        {"status": 404},
    ],
)
def test_an_answer_of_another_shape_stops_the_run(
    web: responses.RequestsMock, naps: Naps, answer: dict[str, Any]
) -> None:
    web.get(SEARCH, **answer)
    with pytest.raises(SchemaChanged) as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    assert CANARY not in str(error.value)


def test_a_changed_listing_is_shown_by_its_keys_and_types_alone(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, json={"_embedded": {"items": [{"id": CANARY, "file_size": 5, CANARY: None}]}, "_pages": {}})
    with pytest.raises(SchemaChanged) as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    shown = "{_embedded: {items: [1 of {id: str, file_size: int, <6 characters>: null}]}, _pages: {}}"
    assert "`_embedded.media`" in str(error.value)
    assert str(error.value).endswith(f"; seen: {shown}")
    assert error.value.__cause__ is None


def test_a_download_answer_that_is_no_object_is_a_changed_schema(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(DOWNLOAD, json=[])
    with pytest.raises(SchemaChanged):
        make_api(naps).download("m1", CREDENTIALS)


@pytest.mark.parametrize(
    ("probe", "error", "words", "asked"),
    [
        ({"status": 401}, CredentialsExpired, "refuses the cookies", 2),
        ({"status": 500}, SourceUnavailable, "maybe the cookies", 1),
        ({"json": {"total_count": 1}}, SourceUnavailable, "GoPro answered 500", 1),
        ({"status": 503}, SourceUnavailable, "GoPro answered 500", 1),
    ],
)
def test_a_lasting_500_is_checked_against_the_cheapest_call(
    web: responses.RequestsMock, naps: Naps, probe: dict[str, Any], error: type[APIError], words: str, asked: int
) -> None:
    web.get(SEARCH, status=500)
    web.get(ACCOUNT, **probe)
    with pytest.raises(error, match=words):
        make_api(naps, attempts=2).search(1, 200, CREDENTIALS)
    assert len(web.calls) == 2 + asked


def test_the_cheapest_call_itself_hints_at_the_cookies(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(ACCOUNT, status=500)
    with pytest.raises(SourceUnavailable, match="maybe the cookies"):
        make_api(naps, attempts=2).account(CREDENTIALS)
    assert len(web.calls) == 2


def test_a_compressed_answer_is_read(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(SEARCH, body=gzip.compress(json.dumps(PAGE).encode()), headers={"Content-Encoding": "gzip"})
    assert make_api(naps).search(1, 200, CREDENTIALS).media


def test_an_endless_answer_is_not_read_to_its_end(
    web: responses.RequestsMock, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1024**2)
    web.get(SEARCH, body=gzip.compress(b" " * 1024**2 * 3), headers={"Content-Encoding": "gzip"})
    with pytest.raises(SchemaChanged, match="more than 1 MiB"):
        make_api(naps).search(1, 200, CREDENTIALS)


def test_the_request_is_what_gopros_own_web_page_would_send(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(
        MEDIUM,
        json={"id": "m1"},
        match=[query_param_matcher({}), header_matcher({"Cookie": CREDENTIALS.cookies})],
    )
    assert make_api(naps).medium_exists("m1", CREDENTIALS)
