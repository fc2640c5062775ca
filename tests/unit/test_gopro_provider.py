"""The facade: the contract's URL, the pieces of a medium, the whole listing, and where it may connect to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
import requests
import responses

from cloud_sync_common.errors import (
    APIError,
    CredentialsExpired,
    CredentialsMalformed,
    InvalidInput,
    MediumNotFound,
    MediumRefused,
    SchemaChanged,
    UnsafeUrl,
)
from cloud_sync_common.gopro_provider import GoProProvider, SourceSettings, source_settings
from cloud_sync_common.models import MediaId, Medium
from tests.unit.gopro_http import (
    ACCOUNT,
    CANARY,
    CREDENTIALS,
    DOWNLOAD,
    SEARCH,
    Naps,
    download_answer,
    make_api,
    offered,
    query_of,
)

MEDIUM = Medium(
    media_id=MediaId("m1"),
    filename="GX010042.MP4",
    file_extension="mp4",
    file_size=10,
    type="Video",
    captured_at="2024-03-09T10:11:12Z",
    created_at=None,
    ready_to_view="ready",
    item_count=2,
)
ASKED: dict[str, Any] = {"media_id": "m1", "cookies": CREDENTIALS.cookies, "user_agent": "x"}


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def provider() -> GoProProvider:
    return GoProProvider(make_api(Naps(), attempts=2), SourceSettings())


def test_the_download_url_is_the_first_files_source(web: responses.RequestsMock, provider: GoProProvider) -> None:
    second, first = offered("source", 2), offered("source", 1)
    web.get(DOWNLOAD, json=download_answer(offered("high_res_proxy_mp4"), second, first))
    assert provider.get_download_url(**ASKED) == first["url"]
    assert web.calls[0].request.headers["Cookie"] == CREDENTIALS.cookies


@pytest.mark.parametrize("quality", ["source", "high_res_proxy_mp4", "edit_proxy", "audio_proxy"])
def test_each_quality_has_its_own_url(web: responses.RequestsMock, provider: GoProProvider, quality: str) -> None:
    labels = ["edit_proxy", "audio_proxy", "high_res_proxy_mp4", "source"]
    web.get(DOWNLOAD, json=download_answer(*map(offered, labels)))
    assert f"/{quality}/" in provider.get_download_url(**ASKED, quality=quality)


def test_a_missing_source_falls_back_with_a_warning_that_holds_no_secret(
    web: responses.RequestsMock, provider: GoProProvider, caplog: pytest.LogCaptureFixture
) -> None:
    web.get(DOWNLOAD, json=download_answer(offered("edit_proxy"), offered("high_res_proxy_mp4")))
    with caplog.at_level(logging.DEBUG):
        assert "/high_res_proxy_mp4/" in provider.get_download_url(**ASKED)
    assert "high_res_proxy_mp4" in caplog.text
    assert [record.levelname for record in caplog.records if record.name.startswith("cloud_sync")] == ["WARNING"]
    assert CANARY not in caplog.text


def test_a_source_that_is_not_available_yet_is_not_replaced_by_a_proxy(
    web: responses.RequestsMock, provider: GoProProvider
) -> None:
    web.get(DOWNLOAD, json=download_answer(offered("source", available=False), offered("high_res_proxy_mp4")))
    with pytest.raises(MediumNotFound, match="not available"):
        provider.get_download_url(**ASKED)


def test_the_source_of_an_edit_is_its_rendering(web: responses.RequestsMock, provider: GoProProvider) -> None:
    web.get(DOWNLOAD, json=download_answer(offered("high_res_proxy_mp4"), offered("baked_source"), filename=""))
    assert "/baked_source/" in provider.get_download_url(**ASKED)


def test_the_source_of_a_photo_may_be_its_only_file(web: responses.RequestsMock, provider: GoProProvider) -> None:
    web.get(DOWNLOAD, json=download_answer(filename="GOPR0003.JPG", files=[offered("files")]))
    assert "/files/" in provider.get_download_url(**ASKED)


@pytest.mark.parametrize(
    ("labels", "quality"), [([], "source"), (["edit_proxy"], "source"), (["source"], "audio_proxy"), (["source"], "8k")]
)
def test_a_missing_quality_is_a_404(
    web: responses.RequestsMock, provider: GoProProvider, labels: list[str], quality: str
) -> None:
    web.get(DOWNLOAD, json=download_answer(*map(offered, labels)))
    with pytest.raises(APIError) as error:
        provider.get_download_url(**ASKED, quality=quality)
    assert error.value.status == 404


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"status": 401}, 401), ({"status": 404}, 404), ({"body": requests.ReadTimeout()}, 408)],
)
def test_failures_carry_their_status(
    web: responses.RequestsMock, provider: GoProProvider, answer: dict[str, Any], status: int
) -> None:
    web.get(DOWNLOAD, **answer)
    with pytest.raises(APIError) as error:
        provider.get_download_url(**ASKED)
    assert error.value.status == status
    assert isinstance(error.value, CredentialsExpired) is (status == 401)


@pytest.mark.parametrize(("account", "expected"), [(403, CredentialsExpired), (200, MediumRefused)])
def test_a_403_means_expired_cookies_only_if_the_account_is_refused_too(
    web: responses.RequestsMock, provider: GoProProvider, account: int, expected: type[APIError]
) -> None:
    web.get(DOWNLOAD, status=403)
    web.get(ACCOUNT, status=account, json={"total_count": 1})
    with pytest.raises(APIError) as error:
        provider.get_download_url(**ASKED)
    assert (type(error.value), error.value.status) == (expected, 403)


def test_cookies_that_cannot_be_sent_are_refused_before_anything_is_asked(provider: GoProProvider) -> None:
    with pytest.raises(CredentialsMalformed):
        provider.get_download_url(media_id="m1", cookies="a=\u2026", user_agent="x")


@pytest.mark.parametrize("field", ["url", "head"])
def test_a_url_at_a_foreign_host_is_refused(web: responses.RequestsMock, provider: GoProProvider, field: str) -> None:
    foreign = {field: f"https://evil.net/{CANARY}"}
    web.get(DOWNLOAD, json=download_answer(offered("source"), offered("source", 2, **foreign)))
    with pytest.raises(UnsafeUrl) as error:
        provider.resolve_pieces(MEDIUM, CREDENTIALS)
    assert CANARY not in str(error.value)


def test_all_pieces_of_a_medium_are_resolved(web: responses.RequestsMock, provider: GoProProvider) -> None:
    web.get(DOWNLOAD, json=download_answer(offered("source", 2), offered("source", 1)))
    resolution = provider.resolve_pieces(MEDIUM, CREDENTIALS)
    assert [piece.filename for piece in resolution.pieces] == ["GX010042.MP4", "GX020042.MP4"]
    assert CANARY not in repr(resolution)


def test_a_stand_in_is_logged_and_marked(
    web: responses.RequestsMock, provider: GoProProvider, caplog: pytest.LogCaptureFixture
) -> None:
    web.get(DOWNLOAD, json=download_answer(offered("high_res_proxy_mp4")))
    assert provider.resolve_pieces(MEDIUM, CREDENTIALS).fallback
    assert "no original" in caplog.text
    assert CANARY not in caplog.text


def test_a_medium_still_at_work_is_not_even_asked_for(provider: GoProProvider) -> None:
    waiting = Medium(
        MediaId("m1"), "a.mp4", "mp4", None, "Video", None, None, ready_to_view="transcoding"
    )  # nothing is registered at the mock: a request would fail
    assert provider.resolve_pieces(waiting, CREDENTIALS).not_ready


def serve_pages(web: responses.RequestsMock, *rows_of_pages: int, per_page: int = 2, total_pages: Any = 3) -> None:
    for number, rows in enumerate(rows_of_pages):
        media = [{"id": f"{number}-{row}"} for row in range(rows)]
        pages = {"per_page": per_page, "total_pages": total_pages, "total_items": sum(rows_of_pages)}
        web.get(SEARCH, json={"_pages": pages, "_embedded": {"media": media}})


@pytest.mark.parametrize(
    ("rows", "total_pages"),
    [((0,), 0), ((1,), 1), ((2, 0), 1), ((2, 1), 2), ((2, 2, 0), 2), ((2, 2, 1), 1), ((2, 2, 0), None), ((1, 2, 0), 3)],
)
def test_the_listing_is_read_to_its_true_end(
    web: responses.RequestsMock, provider: GoProProvider, rows: tuple[int, ...], total_pages: int | None
) -> None:
    serve_pages(web, *rows, total_pages=total_pages)
    pages = list(provider.list_media(CREDENTIALS))
    assert sum(len(page.media) for page in pages) == sum(rows)
    assert [page.number for page in pages] == list(range(1, len(rows) + 1))


def test_a_listing_can_go_on_where_another_stopped(web: responses.RequestsMock, provider: GoProProvider) -> None:
    serve_pages(web, 1)
    assert [page.number for page in provider.list_media(CREDENTIALS, first_page=3, per_page=50)] == [3]
    assert (query_of(web)["page"], query_of(web)["per_page"]) == ("3", "50")


@pytest.mark.parametrize(
    "ask",
    [
        lambda provider: provider.get_download_url(**ASKED),
        lambda provider: provider.resolve_pieces(MEDIUM, CREDENTIALS),
    ],
    ids=["get_download_url", "resolve_pieces"],
)
def test_a_changed_download_answer_is_shown_by_its_keys_and_types_alone(
    web: responses.RequestsMock, provider: GoProProvider, ask: Callable[[GoProProvider], Any]
) -> None:
    web.get(DOWNLOAD, json={"_embedded": {"assets": [{"url": f"https://x/?{CANARY}", CANARY: 1}]}})
    with pytest.raises(SchemaChanged) as error:
        ask(provider)
    assert "neither `files` nor `variations`" in str(error.value)
    assert str(error.value).endswith("seen: {_embedded: {assets: [1 of {url: str, <6 characters>: int}]}}")


def test_pages_are_asked_for_only_as_they_are_needed(web: responses.RequestsMock, provider: GoProProvider) -> None:
    serve_pages(web, 2)
    assert len(list(islice(provider.list_media(CREDENTIALS), 1))) == 1
    assert len(web.calls) == 1


def test_a_listing_without_end_is_stopped(
    web: responses.RequestsMock, provider: GoProProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud_sync_common.gopro_provider.MAX_PAGES", 5)
    serve_pages(web, 2)
    with pytest.raises(SchemaChanged, match="no end"):
        list(provider.list_media(CREDENTIALS))


SANDBOX = {"AWS_EXECUTION_ENV": "CLOUD_SYNC_SANDBOX"}


ON_AWS = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.14", "ALLOWED_HOSTS": "gopro.com, simulator.example"}


def test_on_aws_the_api_is_gopros_unless_another_is_named() -> None:
    assert source_settings(ON_AWS) == SourceSettings("https://api.gopro.com", ("gopro.com", "simulator.example"))


@pytest.mark.parametrize("url", ["https://simulator.example", "https://api.simulator.example/trial/"])
def test_on_aws_the_api_may_be_another_https_server_among_the_allowed_hosts(url: str) -> None:
    settings = source_settings({**ON_AWS, "GOPRO_API_URL": url})
    assert settings == SourceSettings(url.rstrip("/"), ("gopro.com", "simulator.example"), allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "http://localhost",
        "http://simulator.example",
        "https://another.example",
        "https://notsimulator.example",
        "https://simulator.example:8443",
        "https://me@simulator.example",
        "simulator.example",
    ],
)
@pytest.mark.parametrize("environment", [{}, {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.14"}])
def test_on_aws_no_variable_takes_the_cookies_anywhere_else(environment: dict[str, str], url: str) -> None:
    with pytest.raises(InvalidInput, match="GOPRO_API_URL must be an https URL at a host in ALLOWED_HOSTS") as refused:
        source_settings({**environment, "ALLOWED_HOSTS": ON_AWS["ALLOWED_HOSTS"], "GOPRO_API_URL": url})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/", "http://localhost:1", "https://gopro.example"])
def test_the_sandbox_may_move_the_api(url: str) -> None:
    settings = source_settings({**SANDBOX, "GOPRO_API_URL": url})
    assert settings == SourceSettings(url.rstrip("/"), ("gopro.com",), allow_loopback=True)


def test_the_sandbox_without_another_api_opens_nothing_more() -> None:
    assert source_settings(SANDBOX) == SourceSettings()


@pytest.mark.parametrize("url", ["http://example.net", "ftp://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1.evil.net"])
def test_the_sandbox_sends_cookies_over_plain_http_to_this_machine_only(url: str) -> None:
    with pytest.raises(InvalidInput, match="GOPRO_API_URL"):
        source_settings({**SANDBOX, "GOPRO_API_URL": url})


def test_without_arguments_the_provider_is_built_from_the_environment(
    web: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EXECUTION_ENV", "CLOUD_SYNC_SANDBOX")
    monkeypatch.setenv("GOPRO_API_URL", "http://127.0.0.1:8123")
    source = offered("source", url="http://127.0.0.1:8123/u/1/source/default/1.mp4?Signature=x")
    web.get("http://127.0.0.1:8123/media/m1/download", json=download_answer(source))
    assert GoProProvider().get_download_url(**ASKED) == source["url"]
