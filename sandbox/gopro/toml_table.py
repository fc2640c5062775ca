"""Reading one table of a library's file: every key is known, of its type and in its range, or one line says which."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sandbox.gopro.errors import LibraryError


class Table:
    """The keys of the table that ``where`` names. Every method raises ``LibraryError`` for a wrong value."""

    def __init__(self, where: str, values: object, known: Sequence[str]) -> None:
        self.where = where
        if not isinstance(values, dict):
            raise LibraryError(f"{where}: must be a table")
        self._values: Mapping[str, object] = values
        for key in values:
            if key not in known:
                raise self.wrong(f"key {key!r}", f"is not known; {_did_you_mean(key, known)}")

    def wrong(self, key: str, why: str) -> LibraryError:
        """Return the error for a key of this table."""
        return LibraryError(f"{self.where}: {key} {why}")

    def value(self, key: str) -> object:
        """Return whatever is there; ``None`` if absent."""
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        """Return a text, which may be empty; ``None`` if absent."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "must be a text")
        return value

    def word(self, key: str, pattern: str) -> str | None:
        """Return a text of a certain form; ``None`` if absent."""
        value = self.text(key)
        if value is not None and not re.fullmatch(pattern, value):
            raise self.wrong(key, f"cannot be {value!r}: it must match {pattern}")
        return value

    def choice(self, key: str, among: Sequence[str]) -> str | None:
        """Return one of the words ``among``; ``None`` if absent."""
        value = self.text(key)
        if value is not None and value not in among:
            raise self.wrong(key, f"cannot be {value!r}; {_did_you_mean(value, among)}")
        return value

    def needed(self, key: str, found: str | None) -> str:
        """Return what was found of a key that must be there."""
        if found is None:
            raise self.wrong(key, "is missing")
        return found

    def whole(self, key: str, low: int, high: int) -> int | None:
        """Return a whole number from ``low`` to ``high``; ``None`` if absent."""
        value = self._values.get(key)
        return None if value is None else self._whole(key, value, low, high)

    def wholes(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """Return a list of such numbers; empty if absent."""
        return tuple(self._whole(key, one, low, high) for one in self.listed(key))

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty if absent."""
        found = self.listed(key)
        if not all(isinstance(one, str) and one for one in found):
            raise self.wrong(key, "must be a list of texts that are not empty")
        return tuple(str(one) for one in found)

    def listed(self, key: str) -> Sequence[object]:
        """Return a list of anything; empty if absent."""
        value = self._values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "must be a list")
        return value

    def moment(self, key: str) -> str | None:
        """Return a time as GoPro writes it, or any text as it is; ``None`` if absent."""
        value = self._values.get(key)
        if isinstance(value, datetime):
            return self.instant(key, value).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.text(key)

    def instant(self, key: str, default: datetime) -> datetime:
        """Return a time with its offset in UTC."""
        value = self._values.get(key, default)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.wrong(key, "must be a time such as 2024-05-01T10:00:00Z")
        return value.astimezone(UTC)

    def _whole(self, key: str, value: object, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.wrong(key, f"must be a whole number from {low} to {high}")
        return value


def _did_you_mean(word: str, among: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, among, n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(among)}"
