"""Wildcards of policies: ``*`` is any text and ``?`` any one character, in actions, resources and ``...Like``."""

from __future__ import annotations

import re
from functools import lru_cache

_ARN_PARTS = 6


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Tell whether the whole text fits. ``*`` crosses slashes and colons, as it does in a Resource element."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def arn_matches(pattern: str, text: str) -> bool:
    """Compare as ArnLike and ArnEquals do: each of the six parts by itself, so that no ``*`` crosses one of them.

    Source: IAM user guide, "Amazon Resource Name (ARN) condition operators"; the two behave identically.
    """
    wanted, given = pattern.split(":", _ARN_PARTS - 1), text.split(":", _ARN_PARTS - 1)
    if len(wanted) != _ARN_PARTS or len(given) != _ARN_PARTS:
        return False
    return all(matches(part, found) for part, found in zip(wanted, given, strict=True))


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = (".*" if character == "*" else "." if character == "?" else re.escape(character) for character in pattern)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
