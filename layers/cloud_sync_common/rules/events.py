"""The events that the state machine hands to the functions, parsed once into frozen dataclasses.

Shapes and versions are contracts with ``cloud_sync/state_machine.asl.json``; anything else is an ``InvalidInput``
that names the key, never a surprise half-way through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.models import SCHEMA, MediaId, PieceId

DOWNLOAD_KEYS = frozenset({"schema", "run_id", "media_id", "filename", "file_size", "upload_date"})


@dataclass(frozen=True, slots=True)
class DownloadEvent:
    """What reaches ``video_downloader``: one line of the manifest, and the run. ``file_size`` None = unknown."""

    run_id: str
    media_id: MediaId
    filename: str
    file_size: int | None
    upload_date: str | None


@dataclass(frozen=True, slots=True)
class UploadEvent:
    """What reaches ``multipart_uploader``: a range of part numbers of one piece's open upload."""

    run_id: str
    media_id: MediaId
    piece_id: PieceId
    generation: int
    first_part: int
    last_part: int


@dataclass(frozen=True, slots=True)
class ListEvent:
    """What reaches ``media_lister``: where to go on; an empty cursor begins the listing."""

    run_id: str
    cursor: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FailureEvent:
    """What reaches ``run_control`` when a function failed for good: the error that the state machine caught."""

    run_id: str
    media_id: MediaId
    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Execution:
    """The Step Functions execution that a run is: identity from the context object."""

    arn: str
    name: str
    started_at: str

    @property
    def run_id(self) -> str:
        """Sortable by time, unique by the execution's name, the same on every retry."""
        try:
            moment = datetime.fromisoformat(self.started_at)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment
        except ValueError:
            raise InvalidInput("execution.started_at must be an RFC 3339 date") from None
        return f"{moment:%Y%m%dT%H%M%SZ}-{self.name}"


def parse_download(event: object) -> DownloadEvent:
    """Exactly the contract's six keys (design.md 2)."""
    fields = _mapping(event)
    unknown = sorted(set(fields) - DOWNLOAD_KEYS)
    if unknown:
        raise InvalidInput(f"unexpected key {unknown[0]!r} in the event; expected {', '.join(sorted(DOWNLOAD_KEYS))}")
    size = fields.get("file_size")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise InvalidInput("file_size must be a whole number of bytes, or null")
    upload_date = fields.get("upload_date")
    if upload_date is not None and not isinstance(upload_date, str):
        raise InvalidInput("upload_date must be a string or null")
    filename = fields.get("filename")
    if not isinstance(filename, str):
        raise InvalidInput("filename must be a string (it may be empty)")
    return DownloadEvent(
        _text(fields, "run_id"), MediaId(_text(fields, "media_id")), filename, size or None, upload_date
    )


def parse_upload(event: object) -> UploadEvent:
    """One range of the downloader's TRANSFER outcome."""
    fields = _mapping(event)
    first, last = _number(fields, "first_part"), _number(fields, "last_part")
    if last < first:
        raise InvalidInput("last_part must not be smaller than first_part")
    return UploadEvent(
        run_id=_text(fields, "run_id"),
        media_id=MediaId(_text(fields, "media_id")),
        piece_id=PieceId(_text(fields, "piece_id")),
        generation=_number(fields, "generation"),
        first_part=first,
        last_part=last,
    )


def parse_list(event: object) -> ListEvent:
    """The run and a cursor (an object, empty at first)."""
    fields = _mapping(event)
    cursor = fields.get("cursor")
    if not isinstance(cursor, Mapping):
        raise InvalidInput("cursor must be an object, {} to begin")
    return ListEvent(_text(fields, "run_id"), cursor)


def parse_control(event: object) -> str:
    """The action that ``run_control`` is asked for."""
    return _text(_mapping(event), "action")


def parse_failure(event: object) -> FailureEvent:
    """A medium whose function failed for good."""
    fields = _mapping(event)
    error = fields.get("error")
    if not isinstance(error, Mapping):
        raise InvalidInput("error must be an object with Error and Cause")
    return FailureEvent(_text(fields, "run_id"), MediaId(_text(fields, "media_id")), error)


def parse_execution(event: object) -> Execution:
    """The ``execution`` object of ``run_control``'s events."""
    execution = _mapping(event).get("execution")
    if not isinstance(execution, Mapping):
        raise InvalidInput("execution must be an object with arn, name and started_at")
    return Execution(_text(execution, "arn"), _text(execution, "name"), _text(execution, "started_at"))


def _mapping(event: object) -> Mapping[str, Any]:
    if not isinstance(event, Mapping):
        raise InvalidInput("the event must be an object")
    if event.get("schema") != SCHEMA:
        raise InvalidInput(f"the event's schema is {event.get('schema')!r}, this function knows {SCHEMA}; run again")
    return event


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{key} must be a non-empty string")
    return value


def _number(fields: Mapping[str, Any], key: str) -> int:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{key} must be a whole number of at least 1")
    return value
