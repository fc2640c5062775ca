"""What the console may ask of a run: small, optional, checked before anything happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.models import Medium

MAX_MEDIA_IDS = 10_000


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run's filters; the default asks for everything that is new.

    ``captured_after`` is inclusive, ``captured_before`` exclusive; a medium without a date matches neither.
    ``max_bytes`` counts the listing's sizes; media of unknown size count as 0.
    """

    dry_run: bool = False
    relist: bool = False
    media_ids: frozenset[str] = frozenset()
    types: tuple[str, ...] = ()
    captured_after: datetime | None = None
    captured_before: datetime | None = None
    limit: int | None = None
    max_bytes: int | None = None

    def refusal(self, medium: Medium) -> str | None:
        """Why this run leaves ``medium`` out, or ``None`` if it does not."""
        if self.media_ids and medium.media_id not in self.media_ids:
            return "not among media_ids"
        if self.types and medium.type.casefold() not in {name.casefold() for name in self.types}:
            return "type not asked for"
        return self._date_refusal(medium)

    def _date_refusal(self, medium: Medium) -> str | None:
        if self.captured_after is None and self.captured_before is None:
            return None
        captured = _moment(medium.captured_at)
        if captured is None:
            return "no capture date"
        if self.captured_after is not None and captured < self.captured_after:
            return "captured before captured_after"
        if self.captured_before is not None and captured >= self.captured_before:
            return "captured at or after captured_before"
        return None


def parse_run_request(value: object) -> RunRequest:
    """Check the console's input; raises ``InvalidInput`` with one sentence naming the key and what it takes."""
    if not isinstance(value, Mapping):
        raise InvalidInput('the input must be a JSON object, for example {} or {"limit": 10}')
    parsed: dict[str, Any] = {}
    for key, raw in value.items():
        parser = _PARSERS.get(key)
        if parser is None:
            raise InvalidInput(
                f"unknown input key {_quoted(key)}{_hint(key)}; known keys: {', '.join(sorted(_PARSERS))}"
            )
        parsed[key] = parser(key, raw)
    request = RunRequest(**parsed)
    after, before = request.captured_after, request.captured_before
    if after is not None and before is not None and after >= before:
        raise InvalidInput("captured_after must be earlier than captured_before")
    return request


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{key} must be true or false")
    return value


def _positive(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{key} must be a whole number of at least 1")
    return value


def _names(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise InvalidInput(f"{key} must be a list of one or more names")
    if len(value) > MAX_MEDIA_IDS:
        raise InvalidInput(f"{key} takes at most {MAX_MEDIA_IDS} names")
    return tuple(value)


def _ids(key: str, value: object) -> frozenset[str]:
    return frozenset(_names(key, value))


def _date(key: str, value: object) -> datetime:
    moment = _moment(value) if isinstance(value, str) else None
    if moment is None:
        raise InvalidInput(f'{key} must be a date such as "2026-01-31" or "2026-01-31T12:00:00Z"')
    return moment


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _quoted(key: object) -> str:
    return repr(str(key)[:60])


def _hint(key: object) -> str:
    near = get_close_matches(str(key), _PARSERS, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


_PARSERS: dict[str, Callable[[str, object], object]] = {
    "dry_run": _flag,
    "relist": _flag,
    "media_ids": _ids,
    "types": _names,
    "captured_after": _date,
    "captured_before": _date,
    "limit": _positive,
    "max_bytes": _positive,
}
