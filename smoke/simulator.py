"""The simulator that is to be copied from: asked, before anything costs money, whether it is one of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from smoke.checks import SmokeError
from smoke.library import FILES, SmokeFile

_TIMEOUT = 20
_FIRST_BYTES = 1024


def read_credentials(path: Path) -> dict[str, str]:
    """Read what ``sandbox gopro`` has printed, or the credentials alone; raises ``SmokeError``."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        given = found.get("credentials", found)
        return {name: str(given[name]) for name in ("cookies", "user-agent")}
    except (OSError, ValueError, KeyError, AttributeError):
        raise SmokeError(
            f"{path} does not hold what 'python -m sandbox gopro' printed: give it by --credentials"
        ) from None


def check_simulator(url: str, credentials: dict[str, str]) -> None:
    """Refuse whatever is not our simulator with exactly the three files, reachable over https, its links included.

    Raises ``SmokeError``.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.port not in (None, 443) or parts.path.strip("/"):
        raise SmokeError(f"{url} is not an address like https://example.trycloudflare.com (https, port 443, no path)")
    with requests.Session() as session:
        session.headers["User-Agent"] = credentials["user-agent"]
        rows = _listed(session, url, credentials["cookies"])
        sizes = {row.get("filename"): row.get("file_size") for row in rows}
        if sizes != {file.name: file.size for file in FILES}:
            raise SmokeError(f"{url} does not serve the three files of 'python -m smoke --library DIR', but {sizes}")
        for file in FILES:
            [media_id] = [row["id"] for row in rows if row["filename"] == file.name]
            _check_file(session, url, credentials["cookies"], media_id, file)


def _listed(session: requests.Session, url: str, cookies: str) -> list[dict[str, Any]]:
    found = _api(session, f"{url}/media/search", cookies)
    try:
        return list(found["_embedded"]["media"])
    except (KeyError, TypeError):
        raise SmokeError(f"{url} does not answer like GoPro's API") from None


def _check_file(session: requests.Session, url: str, cookies: str, media_id: str, file: SmokeFile) -> None:
    """Fetch the first bytes over the link that the functions will be given."""
    found = _api(session, f"{url}/media/{media_id}/download", cookies)
    try:
        [link] = [each["url"] for each in found["_embedded"]["variations"] if each["label"] == "source"]
    except (KeyError, TypeError, ValueError):
        raise SmokeError(f"{url} does not answer like GoPro's API when asked for {file.name}") from None
    if urlsplit(link).hostname != urlsplit(url).hostname:
        raise SmokeError(f"links lead to {urlsplit(link).hostname}: start the simulator with --public-url {url}")
    wanted = file.content[:_FIRST_BYTES]
    answer = _get(session, link, {"Range": f"bytes=0-{_FIRST_BYTES - 1}"})
    if answer.status_code != 206 or answer.content != wanted:
        raise SmokeError(f"{file.name} at {url} is not the file of 'python -m smoke --library DIR'")


def _api(session: requests.Session, url: str, cookies: str) -> Any:
    answer = _get(session, url, {"Cookie": cookies, "Accept": "application/vnd.gopro.jk.media+json; version=2.0.0"})
    if answer.status_code == 401:
        raise SmokeError("the simulator refuses the credentials: they are new at each of its starts")
    try:
        return answer.json()
    except ValueError:
        raise SmokeError(
            f"{urlsplit(url).hostname} answers {answer.status_code} without JSON: is it our simulator?"
        ) from None


def _get(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    try:
        return session.get(url, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise SmokeError(
            f"{urlsplit(url).hostname} cannot be reached ({type(error).__name__}): do tunnel and simulator run?"
        ) from None
