"""Bytes, seconds and names as people read them."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Decimal units, as disks and networks count: ``12.6 MB``."""
    if count < 1000:
        return f"{int(count)} B"
    value = float(count)
    for unit in _UNITS:
        value /= 1000
        if value < 999.95 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}"


def name(text: str) -> str:
    """A file's name as a terminal may have it: GoPro lets anything be one, escape sequences among it."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def seconds(value: float | None) -> str:
    """``4 s``, ``3 min 20 s``, ``2 h 5 min``; ``?`` when nobody can tell."""
    if value is None:
        return "?"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """``1 object``, ``2 objects``, ``3 media``."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"
