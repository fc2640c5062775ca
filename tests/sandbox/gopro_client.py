"""What the tests of the GoPro simulator share: a plain HTTP client, and media made of a few bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.gopro import GoProServer, SimMedium, SimPiece

ACCEPT = "application/vnd.gopro.jk.media+json; version=2.0.0"
TIMEOUT = 20


@dataclass(frozen=True)
class Client:
    """Talks to a server like a signed-in browser; CDN calls carry no credentials."""

    server: GoProServer

    def get(self, path: str, **params: object) -> requests.Response:
        headers = {"Accept": ACCEPT, "Cookie": self.server.credentials["cookies"]}
        query = {name: str(value) for name, value in params.items()}
        return requests.get(self.server.url + path, params=query, headers=headers, timeout=TIMEOUT)

    def json(self, path: str, **params: object) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def embedded(self, media_id: str) -> dict[str, list[dict[str, Any]]]:
        document: dict[str, dict[str, list[dict[str, Any]]]] = self.json(f"/media/{media_id}/download")
        return document["_embedded"]

    def entry(self, media_id: str, label: str = "source", number: int = 1) -> dict[str, Any]:
        embedded = self.embedded(media_id)
        entries = [entry for entry in embedded["variations"] + embedded["sidecar_files"] if entry["label"] == label]
        return next(entry for entry in entries if entry["item_number"] == number)

    def fetch(self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> requests.Response:
        return requests.request(method, url, headers=headers, timeout=TIMEOUT)


def piece(root: Path, label: str, number: int = 1, extension: str = "mp4", content: bytes | None = None) -> SimPiece:
    path = root / f"{label}-{number}.{extension}"
    path.write_bytes(content if content is not None else f"{label} {number}".encode())
    return SimPiece(label, path, number, extension)


def medium(media_id: str, pieces: Sequence[SimPiece] = (), **changes: Any) -> SimMedium:
    fields: dict[str, Any] = {
        "filename": f"{media_id}.MP4",
        "type": "Video",
        "file_extension": "mp4",
        "captured_at": "2025-01-01T00:00:00Z",
        "created_at": "2025-01-02T00:00:00Z",
        "ready_to_view": "ready",
        "file_size": 1,
        "camera_model": "HERO12 Black",
    }
    return SimMedium(media_id=media_id, pieces=tuple(pieces), **(fields | changes))
