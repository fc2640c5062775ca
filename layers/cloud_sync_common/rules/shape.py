"""What an answer looks like without what it says: keys and types, never a value. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cloud_sync_common.errors import SchemaChanged

MOST = 700
"""Characters of a shape: with the words around it, it still fits whole into a report's line and a mail."""

_DEEPEST = 6
_KEYS_SHOWN = 40
_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]{0,23}[0-9]{0,2}")
"""What a key of GoPro's looks like; any other one may be a value in a key's place, and only its length is shown."""

_TYPES = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}


def shape_of(value: object, most: int = MOST) -> str:
    """Return keys and types of a parsed JSON document, in at most ``most`` characters on one line.

    A list is shown by its first element and its length. Where it does not fit, the deepest levels are left out first.
    """
    for depth in range(_DEEPEST, 0, -1):
        shown = _shown(value, depth)
        if len(shown) <= most:
            return shown
    return f"{shown[: most - 3]}..."


@contextmanager
def showing_the_shape_of(answer: object) -> Iterator[None]:
    """Add to a `SchemaChanged` of the block what was seen in place of what was expected."""
    try:
        yield
    except SchemaChanged as error:
        raise SchemaChanged(f"{error}; seen: {shape_of(answer)}", status=error.status) from None


def _shown(value: object, depth: int) -> str:
    if isinstance(value, Mapping):
        if not depth:
            return f"{{{len(value)} keys}}"
        shown = [f"{_key(key)}: {_shown(inner, depth - 1)}" for key, inner in list(value.items())[:_KEYS_SHOWN]]
        more = [f"and {len(value) - _KEYS_SHOWN} more"] if len(value) > _KEYS_SHOWN else []
        return f"{{{', '.join(shown + more)}}}"
    if isinstance(value, list):
        return f"[{len(value)} of {_shown(value[0], depth - 1)}]" if value and depth else f"[{len(value)}]"
    return _TYPES.get(type(value), "?")


def _key(key: object) -> str:
    text = str(key)
    return text if _NAME.fullmatch(text) else f"<{len(text)} characters>"
