"""Reading one ``[[fault]]`` table: every key is of its type and in its range, or one line says which is not."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from sandbox.faults.errors import FaultsError


class Fields:
    """The keys of the fault with this number (from 1). Every method raises ``FaultsError`` for a wrong value."""

    def __init__(self, number: int, table: Mapping[str, object]) -> None:
        self.number = number
        self._table = table

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def given(self, keys: Sequence[str]) -> list[str]:
        """Return those of the keys that the fault has, in the order asked."""
        return [key for key in keys if key in self._table]

    def wrong(self, key: str, why: str) -> FaultsError:
        """Return the error for a key of this fault."""
        return FaultsError(f"fault {self.number}: {key} {why}")

    def text(self, key: str) -> str | None:
        """Return a text that is not empty; ``None`` if absent."""
        value = self._table.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.wrong(key, "must be a text that is not empty")
        return value

    def choice(self, key: str, among: Sequence[str]) -> str:
        """Return one of the words ``among``; the key must be there."""
        value = self._table.get(key)
        if value is None:
            raise self.wrong(key, f"is missing; {one_of(among)}")
        if not isinstance(value, str) or value not in among:
            raise self.wrong(key, f"cannot be {value!r}; {did_you_mean(value, among)}")
        return value

    def whole(self, key: str, low: int, high: int) -> int | None:
        """Return a whole number from ``low`` to ``high``; ``None`` if absent."""
        value = self._table.get(key)
        return None if value is None else self._whole(key, value, low, high)

    def wholes(self, key: str, low: int, high: int) -> frozenset[int] | None:
        """Return a whole number, or several of them as a list, as a set; ``None`` if absent."""
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            return frozenset({self._whole(key, value, low, high)})
        if not value:
            raise self.wrong(key, "must list at least one number")
        return frozenset(self._whole(key, one, low, high) for one in value)

    def number_above_zero(self, key: str, high: float) -> float | None:
        """Return a number greater than 0, at most ``high``; ``None`` if absent."""
        value = self._table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= high:
            raise self.wrong(key, f"must be a number above 0, at most {high:g}")
        return float(value)

    def flag(self, key: str) -> bool:
        """Return whether the key is there; its only value is ``true``."""
        if key in self._table and self._table[key] is not True:
            raise self.wrong(key, "can only be true; leave it out otherwise")
        return key in self._table

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; empty if absent."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.wrong(key, "must be a list of texts")
        return tuple(value)

    def headers(self, key: str) -> dict[str, str]:
        """Return a table of HTTP headers; empty if absent."""
        value = self._table.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise self.wrong(key, 'must be a table of texts, such as { ETag = "\\"1\\"" }')
        broken = next((name for name, text in value.items() if not _is_header(name, text)), None)
        if broken is not None:
            raise self.wrong(key, f"cannot set {broken!r}: names and values of headers are one line of ASCII")
        return value

    def _whole(self, key: str, value: object, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.wrong(key, f"must be a whole number from {low} to {high}")
        return value


def one_of(among: Sequence[str]) -> str:
    """Word the choice."""
    return f"use one of: {', '.join(among)}"


def did_you_mean(value: object, among: Sequence[str]) -> str:
    """Name the nearest of the words, or all of them if none is near."""
    near = difflib.get_close_matches(str(value), among, n=1)
    return f"did you mean {near[0]!r}?" if near else one_of(among)


def _is_header(name: str, value: str) -> bool:
    return bool(name) and (name + value).isascii() and (name + value).isprintable() and not set(name) & set(": ")
