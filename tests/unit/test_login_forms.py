"""One login in two forms, cookie and Bearer token: the second where GoPro refuses the first, never both at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses
from responses.matchers import header_matcher

from cloud_sync_common.edges.credentials import Credentials, make_credentials
from cloud_sync_common.errors import APIError, CredentialsExpired, MediumNotFound, MediumRefused, SourceUnavailable
from tests.unit.gopro_http import (
    ACCOUNT,
    BLOCKED,
    CREDENTIALS,
    DOWNLOAD,
    LOGIN_PAGE,
    MEDIUM,
    SEARCH,
    Naps,
    download_answer,
    forms_sent,
    make_api,
    offered,
)

COOKIE = header_matcher({"Cookie": CREDENTIALS.cookies})
BEARER = header_matcher({"Authorization": f"Bearer {CREDENTIALS.token}"})
TOTALS = {"total_count": 1, "total_storage": 2}
REFUSALS: list[dict[str, Any]] = [
    {"status": 401, "json": {"error": "invalid_request"}},
    {"status": 403},
    {"body": LOGIN_PAGE, "content_type": "text/html"},
    {"status": 302, "headers": {"Location": "https://gopro.com/login"}},
]


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.mark.parametrize("refusal", REFUSALS, ids=["401", "403", "login page", "redirect"])
def test_a_cookie_that_gopro_refuses_is_tried_as_a_bearer_token(
    web: responses.RequestsMock, naps: Naps, refusal: dict[str, Any]
) -> None:
    web.get(ACCOUNT, match=[COOKIE], **refusal)
    web.get(ACCOUNT, match=[BEARER], json=TOTALS)
    assert make_api(naps).account(CREDENTIALS).total_items == 1
    assert forms_sent(web) == ["Cookie", "Bearer"]
    assert web.calls[1].request.headers["User-Agent"] == CREDENTIALS.user_agent


def test_the_form_that_gopro_took_is_remembered_and_changed_back_when_refused(
    web: responses.RequestsMock, naps: Naps
) -> None:
    cookie = web.get(ACCOUNT, match=[COOKIE], status=401)
    bearer = web.get(ACCOUNT, match=[BEARER], json=TOTALS)
    api = make_api(naps)
    for _ in range(3):
        api.account(CREDENTIALS)
    assert forms_sent(web) == ["Cookie", "Bearer", "Bearer", "Bearer"]
    cookie.status, bearer.status = 200, 401
    cookie.body, bearer.body = "{}", "{}"
    for _ in range(2):
        api.account(CREDENTIALS)
    assert forms_sent(web)[4:] == ["Bearer", "Cookie", "Cookie"]


def test_a_medium_that_gopro_does_not_have_proves_the_form(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(MEDIUM, match=[COOKIE], status=401)
    web.get(MEDIUM, match=[BEARER], status=404)
    api = make_api(naps)
    for _ in range(2):
        with pytest.raises(MediumNotFound):
            api.medium("m1", CREDENTIALS)
    assert forms_sent(web) == ["Cookie", "Bearer", "Bearer"]


def test_cookies_without_a_token_have_one_form(web: responses.RequestsMock, naps: Naps) -> None:
    web.get(ACCOUNT, status=401)
    with pytest.raises(CredentialsExpired):
        make_api(naps).account(Credentials("session=abcdefgh", "x"))
    assert forms_sent(web) == ["Cookie"]


def test_a_token_pasted_as_bearer_text_works_in_either_form(web: responses.RequestsMock, naps: Naps) -> None:
    pasted = make_credentials(f"Authorization: Bearer {CREDENTIALS.token}", "x")
    web.get(ACCOUNT, match=[header_matcher({"Cookie": f"gp_access_token={CREDENTIALS.token}"})], status=401)
    web.get(ACCOUNT, match=[BEARER], json=TOTALS)
    assert make_api(naps).account(pasted).total_items == 1


@pytest.mark.parametrize(
    "second",
    [{"status": 403}, {"status": 400}, {"body": "<html>hello</html>", "content_type": "text/html"}, {"status": 500}],
    ids=["403", "400", "a web page", "500"],
)
def test_what_the_second_form_brings_does_not_hide_the_refusal_of_the_first(
    web: responses.RequestsMock, naps: Naps, second: dict[str, Any]
) -> None:
    web.get(SEARCH, match=[COOKIE], status=401)
    web.get(SEARCH, match=[BEARER], **second)
    with pytest.raises(CredentialsExpired) as error:
        make_api(naps).search(1, 200, CREDENTIALS)
    assert (error.value.status, len(web.calls)) == (401, 2)


def test_a_medium_that_only_the_second_form_is_refused_for_does_not_hide_it_either(
    web: responses.RequestsMock, naps: Naps
) -> None:
    web.get(DOWNLOAD, match=[COOKIE], status=401)
    web.get(DOWNLOAD, match=[BEARER], status=400)
    with pytest.raises(CredentialsExpired):
        make_api(naps).download("m1", CREDENTIALS)


@pytest.mark.parametrize(
    "second",
    [{"status": 503}, {"status": 403, "body": BLOCKED, "content_type": "text/html"}],
    ids=["503", "the firewall"],
)
def test_an_outage_met_by_the_second_form_is_an_outage(
    web: responses.RequestsMock, naps: Naps, second: dict[str, Any]
) -> None:
    web.get(SEARCH, match=[COOKIE], status=401)
    web.get(SEARCH, match=[BEARER], **second)
    with pytest.raises(SourceUnavailable):
        make_api(naps, attempts=2).search(1, 200, CREDENTIALS)


def test_a_403_for_one_medium_in_a_form_that_gopro_no_longer_takes_is_asked_in_the_other(
    web: responses.RequestsMock, naps: Naps
) -> None:
    web.get(DOWNLOAD, match=[COOKIE], status=403)
    web.get(ACCOUNT, match=[COOKIE], status=403)
    web.get(ACCOUNT, match=[BEARER], json=TOTALS)
    web.get(DOWNLOAD, match=[BEARER], json=download_answer(offered("source")))
    assert make_api(naps).download("m1", CREDENTIALS)["filename"] == "GX010042.MP4"
    assert forms_sent(web) == ["Cookie", "Cookie", "Bearer", "Bearer"]


@pytest.mark.parametrize("account", [{"status": 401}, {"json": TOTALS}], ids=["refused", "taken"])
def test_a_medium_refused_in_both_forms_is_that_mediums_trouble(
    web: responses.RequestsMock, naps: Naps, account: dict[str, Any]
) -> None:
    web.get(DOWNLOAD, status=403)
    web.get(ACCOUNT, match=[COOKIE], **account)
    if "status" in account:
        web.get(ACCOUNT, match=[BEARER], json=TOTALS)
    with pytest.raises(MediumRefused) as error:
        make_api(naps).download("m1", CREDENTIALS)
    assert isinstance(error.value, APIError)
    assert error.value.status == 403


def test_a_netrc_file_adds_nothing_to_either_form(
    web: responses.RequestsMock, naps: Naps, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.gopro.com login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    web.get(ACCOUNT, match=[COOKIE], status=401)
    web.get(ACCOUNT, match=[BEARER], json=TOTALS)
    make_api(naps).account(CREDENTIALS)
    assert forms_sent(web) == ["Cookie", "Bearer"]
