"""What the tests of the API and of the provider share: a client without real time, and a few of GoPro's answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import responses

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.gopro_api import API_URL, GoProApi
from cloud_sync_common.edges.sessions import api_session

CANARY = "c4n4ry"
CREDENTIALS = Credentials(f"gp_access_token=eyJ{CANARY}; gp_user_id={CANARY}", "Mozilla/5.0 (X11)")
NOW = 1_700_000_000.0
SEARCH, ACCOUNT = f"{API_URL}/media/search", f"{API_URL}/media/user"
DELETED = f"{API_URL}/media/deleted"
DOWNLOAD, MEDIUM = f"{API_URL}/media/m1/download", f"{API_URL}/media/m1"
BLOCKED = (
    "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>Request blocked.</BODY></HTML>"
)
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>GoPro | Sign In</title></head><body><form></form></body></html>"


class Naps(list[float]):
    """Stands in for ``time.sleep`` and remembers what it was asked for."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def query_of(web: responses.RequestsMock, index: int = 0) -> dict[str, str]:
    """The query that was sent, each parameter once."""
    return dict(parse_qsl(urlsplit(str(web.calls[index].request.url)).query, strict_parsing=True))


def forms_sent(web: responses.RequestsMock) -> list[str]:
    """In which form each request carried the login, oldest first; ``neither`` stands for none and for both at once."""
    names = {(True, ""): "Cookie", (False, "Bearer"): "Bearer"}
    sent = [call.request.headers for call in web.calls]
    return [
        names.get(("Cookie" in one, str(one.get("Authorization", "")).partition(" ")[0]), "neither") for one in sent
    ]


def make_api(naps: Naps, jitter: float = 1.0, **options: Any) -> GoProApi:
    """A client that may ask as fast as it likes, unless ``options`` say otherwise; its clock stands still."""
    options.setdefault("interval", 0.0)
    return GoProApi(api_session(), sleep=naps, clock=lambda: NOW, jitter=lambda: jitter, **options)


def offered(label: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    url = f"https://media-cdn-vod.gopro.com/u/1/{label}/default/{number}.mp4?Signature={CANARY}"
    return {"label": label, "type": "mp4", "item_number": number, "url": url, "head": f"{url}h", **fields}


def download_answer(*variations: dict[str, Any], filename: str = "GX010042.MP4", files: Any = ()) -> dict[str, Any]:
    return {"filename": filename, "_embedded": {"variations": list(variations), "files": list(files)}}
