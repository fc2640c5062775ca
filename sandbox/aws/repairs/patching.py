"""Replace an attribute for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: type, name: str, value: Any) -> Iterator[None]:
    """Set ``owner.name`` to ``value`` within the block; an attribute that does not exist is an ``AttributeError``.

    The error is wanted: a repair whose place has gone must be noticed, not skipped.
    """
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
