"""Replace an attribute for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def replaced(owner: type | ModuleType, name: str, value: Any) -> Iterator[None]:
    """Set ``owner.name`` to ``value`` within the block; an attribute that does not exist is an ``AttributeError``.

    The error is wanted: a repair whose place has gone must be noticed, not skipped.
    """
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextmanager
def preceded(owner: type, checks: Mapping[str, Callable[[Any], None]]) -> Iterator[None]:
    """Call ``checks[name](self)`` before each method ``owner.name`` within the block; what it raises is the result."""
    with ExitStack() as stack:
        for name, check in checks.items():
            stack.enter_context(replaced(owner, name, _after(check, getattr(owner, name))))
        yield


def _after(check: Callable[[Any], None], original: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        check(self)
        return original(self, *arguments, **keywords)

    return method
