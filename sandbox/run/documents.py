"""The JSON files of ``--out``: plain values, stable order, one shape that later steps and people can rely on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from functools import singledispatch
from pathlib import Path
from typing import Any, Protocol


class DescribedObject(Protocol):
    """What ``objects.json`` tells of an object in the bucket."""

    @property
    def key(self) -> str:
        """The object's whole key."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def checksums(self) -> Mapping[str, str]:
        """Algorithm -> base64."""

    @property
    def checksum_type(self) -> str:
        """FULL_OBJECT or COMPOSITE."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """User metadata."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Object tags."""

    @property
    def storage_class(self) -> str:
        """Storage class as given at upload."""

    @property
    def encryption(self) -> Mapping[str, str]:
        """How S3 says the object is encrypted."""

    @property
    def content_type(self) -> str:
        """Media type."""

    @property
    def etag(self) -> str:
        """Entity tag."""

    @property
    def last_modified(self) -> datetime:
        """When the object became visible."""


def write_json(path: Path, value: Any) -> None:
    """Write one document, readable by people and by ``diff``."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """The value in JSON's own types: DynamoDB's numbers and sets, dates, bytes and dataclasses have none."""
    return json.loads(json.dumps(value, default=_plain))


@singledispatch
def _plain(value: Any) -> Any:
    """What ``json`` shall write for a value that it does not know."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)


@_plain.register
def _(value: Mapping) -> dict[Any, Any]:  # type: ignore[type-arg]  # singledispatch takes classes, not generics
    return dict(value)


@_plain.register
def _(value: Set) -> list[Any]:  # type: ignore[type-arg]  # as above
    return sorted(value, key=str)


@_plain.register
def _(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


@_plain.register
def _(value: datetime) -> str:
    return value.isoformat()


@_plain.register
def _(value: bytes) -> str:
    return base64.b64encode(value).decode()


def object_document(each: DescribedObject) -> dict[str, Any]:
    """One entry of ``objects.json``; the checksum as in the report: ``{"crc64nvme": base64, "type": ...}``."""
    checksum = {name.lower(): value for name, value in each.checksums.items()}
    return {
        "key": each.key,
        "size": each.size,
        "checksum": {**checksum, "type": each.checksum_type},
        "metadata": each.metadata,
        "tags": each.tags,
        "storage_class": each.storage_class,
        "encryption": each.encryption,
        "content_type": each.content_type,
        "etag": each.etag,
        "last_modified": each.last_modified,
    }


def tracker_document(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tracker's rows by medium, each medium's own row after its pieces; every row has ``media_id`` and ``status``.

    Whoever builds a dictionary by ``media_id`` is so left with the medium's row. Rows that have no status of their own
    (the run lock) say which kind of row they are.
    """
    documents = [{"status": "", **plain(row)} for row in rows]
    for row in documents:
        row["status"] = row["status"] or str(row.get("record", "ROW"))
    return sorted(documents, key=lambda row: (row["media_id"], row.get("record") == "MEDIUM", row.get("record", "")))
