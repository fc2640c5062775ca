"""GoPro's API on ``responses``: a listing that a test can change between requests, and downloads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import responses

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.gopro_api import API_URL, GoProApi
from cloud_sync_common.edges.sessions import api_session
from cloud_sync_common.gopro_provider import GoProProvider, SourceSettings
from tests.support.clocks import Naps

CREDENTIALS = Credentials("gp_access_token=eyJc4n4ry; gp_user_id=c4n4ry", "Mozilla/5.0 (X11)")
_DOWNLOADS = re.compile(rf"{re.escape(API_URL)}/media/[^/]+/download")


def row(media_id: str, **fields: Any) -> dict[str, Any]:
    """One row of the listing."""
    return {
        "id": media_id,
        "filename": f"GX01{media_id[1:]:>04}.MP4",
        "file_extension": "mp4",
        "file_size": 1_000,
        "type": "Video",
        "captured_at": "2026-01-31T12:00:00Z",
        "created_at": "2026-02-01T08:00:00Z",
        "ready_to_view": "ready",
        "token": "eyJc4n4rytoken",
        **fields,
    }


@dataclass
class GoPro:
    """The cloud: ``pages`` are the rows of each page, ``total`` what GoPro says the library has.

    ``account_total`` is what ``/media/user`` says; a ``trash`` of ``None`` is one that GoPro does not tell.
    """

    pages: list[list[Any]] = field(default_factory=list)
    total: int | None = None
    status: int = 200
    asked: list[int] = field(default_factory=list)
    on_page: Callable[[int], None] = field(default=lambda page: None)
    downloads: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    trash: list[Any] | None = field(default_factory=list)
    trash_status: int = 200
    account_total: int | None = None

    def search(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        """Answer ``/media/search``."""
        page = int(parse_qs(urlsplit(str(request.url)).query)["page"][0])
        self.asked.append(page)
        self.on_page(page)
        rows = self.pages[page - 1] if page <= len(self.pages) else []
        counts = {"current_page": page, "per_page": 100, "total_items": self.total, "total_pages": len(self.pages)}
        return self.status, {}, json.dumps({"_embedded": {"errors": [], "media": rows}, "_pages": counts})

    def download(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        """Answer ``/media/{id}/download``."""
        media_id = urlsplit(str(request.url)).path.split("/")[2]
        answer = self.downloads.get(media_id)
        return (404, {}, "{}") if answer is None else (self.status, {}, json.dumps(answer))

    def deleted(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        """Answer ``/media/deleted``."""
        if self.trash is None:
            return 404, {}, "{}"
        counts = {"current_page": 1, "per_page": 100, "total_items": len(self.trash), "total_pages": 1}
        return self.trash_status, {}, json.dumps({"deleted_media": self.trash, "_pages": counts})

    def user(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        """Answer ``/media/user``."""
        return 200, {}, json.dumps({"id": "u", "total_count": self.account_total})

    def provider(self) -> GoProProvider:
        """The real provider, without real waits, that may fetch from this machine."""
        api = GoProApi(api_session(), sleep=Naps(), clock=lambda: 1_700_000_000.0, jitter=lambda: 0.0, attempts=2)
        return GoProProvider(api, SourceSettings(allow_loopback=True))


def offer(url: str, label: str = "source") -> dict[str, Any]:
    """A download answer with one file."""
    variation = {"label": label, "type": "mp4", "item_number": 1, "url": url, "head": url, "available": True}
    return {"filename": "GX010042.MP4", "_embedded": {"variations": [variation], "files": []}}


@contextmanager
def gopro(*pages: list[Any], total: int | None = None) -> Iterator[GoPro]:
    """A cloud with these pages while the block lasts; other hosts than this machine cannot be reached."""
    cloud = GoPro(list(pages), total)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        web.add_passthru("http://127.0.0.1")
        web.add_callback(responses.GET, f"{API_URL}/media/search", cloud.search)
        web.add_callback(responses.GET, _DOWNLOADS, cloud.download)
        web.add_callback(responses.GET, f"{API_URL}/media/deleted", cloud.deleted)
        web.add_callback(responses.GET, f"{API_URL}/media/user", cloud.user)
        yield cloud
