"""Reads the answer of ``/media/{id}/download``: which files GoPro offers for a medium, by label. Pure.

Lists may be null and most fields absent; an ``available`` that is absent counts as true (the shape of 2020 had none).
The order of the lists means nothing. Only what would make us miss files is `SchemaChanged`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cloud_sync_common.errors import SchemaChanged
from cloud_sync_common.models import SecretUrl
from cloud_sync_common.rules.listing_row import text, whole_number

DEFAULT_CAMERA = "default"

_NUMBER_IN_PATH = re.compile(r"/([0-9]{1,9})\.[A-Za-z0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """One offered file. ``url`` is empty while GoPro has none for it; ``item_number`` is GoPro's own or ``None``."""

    label: str
    type: str
    url: SecretUrl
    head: SecretUrl | None
    item_number: int | None
    camera_position: str
    available: bool

    @property
    def is_fetchable(self) -> bool:
        """GoPro says that the file is there, and where."""
        return self.available and bool(self.url)

    @property
    def path(self) -> str:
        """Host and path of the URL, empty without one: the same for every freshly signed URL of one file."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return ""
        return f"{parts.netloc}{parts.path}"

    @property
    def number_in_path(self) -> int | None:
        """``N`` of ``/source/default/N.mp4``: all that tells chapters apart in some answers."""
        match = _NUMBER_IN_PATH.search(self.path)
        return int(match.group(1)) if match else None


@dataclass(frozen=True, slots=True)
class DownloadAnswer:
    """All files that GoPro offers for one medium."""

    filename: str
    files: tuple[Entry, ...]
    variations: tuple[Entry, ...]
    sidecars: tuple[Entry, ...]

    def labelled(self, label: str) -> tuple[Entry, ...]:
        """All variations and side files of that label, whatever their order or list."""
        return distinct(entry for entry in (*self.variations, *self.sidecars) if entry.label == label)

    def proxies(self, label: str) -> tuple[Entry, ...]:
        """As ``labelled``, and those among ``files``, which old answers label, too."""
        return distinct((*self.labelled(label), *(entry for entry in self.files if entry.label == label)))


def parse_download(download: object) -> DownloadAnswer:
    """Read the whole answer; raises `SchemaChanged`, naming the missing key and no content."""
    embedded = download.get("_embedded") if isinstance(download, Mapping) else None
    if not isinstance(download, Mapping) or not isinstance(embedded, Mapping):
        raise SchemaChanged("GoPro's download answer has no object at `_embedded`; the API has changed")
    if "files" not in embedded and "variations" not in embedded:
        raise SchemaChanged("GoPro's download answer has neither `files` nor `variations`; the API has changed")
    return DownloadAnswer(
        filename=text(download.get("filename")) or "",
        files=_entries(embedded, "files"),
        variations=_entries(embedded, "variations"),
        sidecars=_entries(embedded, "sidecar_files"),
    )


def distinct(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Drop entries that offer the very same file again."""
    seen: set[str] = set()
    kept: list[Entry] = []
    for entry in entries:
        if entry.path not in seen:
            kept.append(entry)
        if entry.path:
            seen.add(entry.path)
    return tuple(kept)


def _entries(embedded: Mapping[str, object], key: str) -> tuple[Entry, ...]:
    found = embedded.get(key)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise SchemaChanged(f"`{key}` of GoPro's download answer is no list; the API has changed")
    return tuple(_entry(item, key) for item in found)


def _entry(item: object, key: str) -> Entry:
    if not isinstance(item, Mapping):
        raise SchemaChanged(f"an entry of `{key}` in GoPro's download answer is no object; the API has changed")
    return Entry(
        label=(text(item.get("label")) or "").strip(),
        type=(text(item.get("type")) or "").strip().lstrip("."),
        url=_url(item.get("url")),
        head=_url(item.get("head")) or None,
        item_number=whole_number(item.get("item_number")),
        camera_position=(text(item.get("camera_position")) or DEFAULT_CAMERA).strip(),
        available=item.get("available") is not False,
    )


def _url(value: object) -> SecretUrl:
    return SecretUrl((text(value) or "").strip())
