"""Clients that other people wrote, request by request: they must work with nothing changed but the host's name.

``itsankoff/gopro-plus`` (main.py of 2023, and of 2024 to 2026 with cookies and zips) and the earlier system's
``GoProProvider`` (thunder45/swish-cloud-sync, gopro_provider.py). Their code is not here: the requests, their order and
what is read of the answers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import sandbox.gopro
from sandbox.gopro import GoProServer, Library, described_library
from sandbox.gopro.account import ACCOUNT_ID
from tests.sandbox.gopro_client import TIMEOUT

EVERY_SHAPE = Path(sandbox.gopro.__file__).with_name("every_shape.toml")
BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0"


@pytest.fixture(scope="module")
def library() -> Library:
    """Rows without a name or an extension stop the first client with a KeyError: at GoPro, too."""
    library = described_library(EVERY_SHAPE)
    return Library(tuple(medium for medium in library.media if not medium.absent))


@pytest.fixture(scope="module")
def server(library: Library) -> Iterator[GoProServer]:
    with GoProServer(library) as server:
        yield server


def get(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=TIMEOUT, **options)


# ---- itsankoff/gopro-plus, 2023: Bearer token, one request for each medium's URL ----


def bearer_pages(server: GoProServer, per_page: int = 30) -> list[dict[str, Any]]:
    """List as ``get_media`` does: the first answer's ``total_pages`` decides, an empty ``type`` is sent along."""
    headers = {
        "Authority": "api.gopro.com",
        "Accept-Charset": "utf-8",
        "Accept": "application/vnd.gopro.jk.media+json; version=2.0.0",
        "Origin": server.url,
        "Referer": f"{server.url}/",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {server.access_token}",
    }
    found: list[dict[str, Any]] = []
    page, total = 1, 0
    while True:
        params = {"fields": "id,captured_at,content_title,filename,file_extension", "per_page": per_page}
        answer = get(f"{server.url}/media/search", params=params | {"page": page, "type": ""}, headers=headers)
        assert answer.status_code == 200
        content = answer.json()
        found += [
            {name: row[name] for name in ("filename", "file_extension", "id", "captured_at")}
            for row in content["_embedded"]["media"]
        ]
        total = total or content["_pages"]["total_pages"]
        if page >= total:
            return found
        page += 1


@pytest.mark.verifies("gopro.clients")
def test_the_client_of_2023_finds_its_token_good_and_lists_everything(server: GoProServer, library: Library) -> None:
    probe = get(
        f"{server.url}/search/media/labels/top?count=1", headers={"Authorization": f"Bearer {server.access_token}"}
    )
    assert probe.status_code == 200
    stale = get(f"{server.url}/search/media/labels/top?count=1", headers={"Authorization": "Bearer stale"})
    assert stale.status_code != 200
    listed = [row["id"] for row in bearer_pages(server)]
    assert sorted(listed) == sorted(medium.media_id for medium in library.media if medium.listed)
    assert listed == [row["id"] for row in bearer_pages(server, per_page=7)]


@pytest.mark.verifies("gopro.clients")
def test_the_client_of_2023_downloads_every_source_byte_for_byte(server: GoProServer, library: Library) -> None:
    """With ``application/json`` as Accept, the token in query and header, and a bare GET for the file."""
    copied = 0
    headers = {"accept": "application/json, charset=utf-8", "Authorization": f"Bearer {server.access_token}"}
    for row in bearer_pages(server):
        medium = library.find(row["id"])
        assert medium is not None
        sources = [piece for piece in medium.labelled("source") if piece.available and not piece.cdn_deleted]
        if medium.deleted or not sources:
            continue
        answer = get(
            f"{server.url}/media/{row['id']}/download", params={"access_token": server.access_token}, headers=headers
        )
        document = answer.json()
        assert document["filename"] == medium.filename
        labelled = [each["url"] for each in document["_embedded"]["variations"] if each["label"] == "source"]
        assert document["_embedded"]["files"][0]["url"]
        with get(labelled[0], stream=True) as file:
            assert file.status_code == 200
            size = int(file.headers["content-length"])
            content = b"".join(file.iter_content(1024 * 1024))
        assert len(content) == size
        assert content in {b"".join(piece.content.blocks(0, piece.size)) for piece in sources}
        copied += 1
    assert copied > 30


# ---- itsankoff/gopro-plus, 2024 to 2026: two cookies, one zip for each page ----


def with_cookies(server: GoProServer) -> dict[str, Any]:
    return {
        "headers": {
            "Accept": "application/vnd.gopro.jk.media+json; version=2.0.0",
            "Accept-Language": "en-US,en;q=0.9,bg;q=0.8,es;q=0.7",
            "User-Agent": BROWSER,
        },
        "cookies": {"gp_access_token": server.access_token, "gp_user_id": ACCOUNT_ID},
    }


@pytest.mark.verifies("gopro.clients")
def test_the_client_of_2026_lists_with_cookies_and_gets_zips_of_nothing(server: GoProServer, library: Library) -> None:
    own = with_cookies(server)
    assert get(f"{server.url}/media/user", **own).status_code == 200
    fields = "id,created_at,content_title,filename,file_extension"
    media: list[dict[str, Any]] = []
    for page in range(1, 100):
        answer = get(f"{server.url}/media/search", params={"per_page": 30, "page": page, "fields": fields}, **own)
        content = answer.json()
        media += content["_embedded"]["media"]
        if page >= content["_pages"]["total_pages"]:
            break
    assert {row["id"] for row in media} == {medium.media_id for medium in library.media if medium.listed}
    assert all(row["filename"] is not None or row["file_extension"] for row in media)
    assert all(row["created_at"] for row in media)
    zipped = {
        "params": {"ids": ",".join(row["id"] for row in media[:30]), "access_token": server.access_token},
        **own,
    }
    head = requests.head(f"{server.url}/media/x/zip/source", timeout=TIMEOUT, **zipped)
    assert (head.status_code, head.headers["Content-Length"]) == (200, "0")
    with requests.get(f"{server.url}/media/x/zip/source", stream=True, timeout=TIMEOUT, **zipped) as empty:
        assert empty.status_code == 200
        assert list(empty.iter_content(chunk_size=8192)) == []


@pytest.mark.verifies("gopro.clients")
def test_the_client_of_2026_is_told_that_its_token_is_stale(server: GoProServer) -> None:
    own = with_cookies(server) | {"cookies": {"gp_access_token": "stale", "gp_user_id": ACCOUNT_ID}}
    assert get(f"{server.url}/media/user", **own).status_code == 401
    assert "error" in get(f"{server.url}/media/search", params={"page": 1}, **own).json()


# ---- the earlier system's GoProProvider ----


def as_provider(server: GoProServer) -> dict[str, str]:
    return {
        "Cookie": server.credentials["cookies"],
        "User-Agent": server.credentials["user-agent"],
        "Accept": "application/vnd.gopro.jk.media+json; version=2.0.0",
        "Accept-Language": "en-US,en;q=0.9",
        "Referer": "https://gopro.com/",
    }


@pytest.mark.verifies("gopro.clients")
@pytest.mark.parametrize("page_size", [30, 100])
def test_the_earlier_provider_lists_without_fields_and_reads_what_it_needs(
    server: GoProServer, library: Library, page_size: int
) -> None:
    listed: list[dict[str, Any]] = []
    for page in range(1, 100):
        answer = get(
            f"{server.url}/media/search", headers=as_provider(server), params={"page": page, "per_page": page_size}
        )
        assert answer.status_code == 200
        document = answer.json()
        rows = document["_embedded"]["media"]
        listed += rows
        pages = document["_pages"]
        assert (pages["current_page"], pages["per_page"]) == (page, page_size)
        assert pages["total_items"] == len([medium for medium in library.media if medium.listed])
        if not rows or pages["current_page"] >= pages["total_pages"]:
            break
    # It keeps names with GH and GO, and takes a row's token for the way to the file.
    for row in listed:
        if (row["filename"] or "").startswith(("GH", "GO")):
            assert row["id"]
            assert row["token"]
            assert isinstance(row["file_size"], int)
            assert row["created_at"] or row["captured_at"]
            assert float(row["source_duration"] or 0) >= 0
    assert len(listed) == pages["total_items"]


@pytest.mark.verifies("gopro.clients")
@pytest.mark.parametrize("quality", ["source", "high_res_proxy_mp4", "edit_proxy", "audio_proxy"])
def test_the_earlier_provider_resolves_a_quality_and_streams_it(
    server: GoProServer, library: Library, quality: str
) -> None:
    [medium] = [medium for medium in library.media if medium.filename == "GH010101.MP4"]
    row = get(f"{server.url}/media/search", headers=as_provider(server), params={"per_page": 100}).json()
    [token] = [each["token"] for each in row["_embedded"]["media"] if each["id"] == medium.media_id]
    # With and without the row's token in the query, as its two versions ask.
    for params in ({}, {"t": token}):
        answer = get(f"{server.url}/media/{medium.media_id}/download", headers=as_provider(server), params=params)
        embedded = answer.json()["_embedded"]
        url = next(
            each["url"]
            for each in embedded["files"] + embedded["variations"]
            if each.get("label") == quality and each.get("available")
        )
        with get(url, stream=True) as file:
            file.raise_for_status()
            assert file.headers["Content-Type"] == "binary/octet-stream"
            content = b"".join(file.iter_content(65536))
        [piece] = medium.labelled(quality)
        assert content == b"".join(piece.content.blocks(0, piece.size))


@pytest.mark.verifies("gopro.clients")
def test_the_earlier_provider_is_refused_where_gopro_refuses_it(server: GoProServer, library: Library) -> None:
    """Its OAuth address never existed; a medium in the trash is not found; stale cookies are unauthorized."""
    oauth = {"Authorization": f"Bearer {server.access_token}", "Accept": "application/json"}
    assert get(f"{server.url}/v1/media/search", headers=oauth).status_code == 404
    [gone] = [medium for medium in library.media if medium.deleted and medium.listed]
    assert get(f"{server.url}/media/{gone.media_id}/download", headers=as_provider(server)).status_code == 404
    stale = as_provider(server) | {"Cookie": "gp_access_token=stale"}
    assert get(f"{server.url}/media/search", headers=stale).status_code == 401
