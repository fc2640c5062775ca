"""What people paste when they are asked for GoPro's cookies, made into a Cookie header and the token inside it. Pure.

GoPro takes one credential in two forms: as the cookie ``gp_access_token`` and as ``Authorization: Bearer`` (public
clients use either). The token is opaque: five segments since 2024, three before, and nothing in it can be read here.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

TOKEN = "gp_access_token"  # noqa: S105 - the cookie's name
LEAST_SECRET = 8
"""Characters; shorter cookie values are flags and languages, and masking them would only spoil texts."""

_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_NAME_AT_START = re.compile(r"[A-Za-z0-9_.$-]{1,100}=")
_HEADER_NAMES = ("cookie:", "authorization:")
_TOKEN_COOKIE = re.compile(rf"((?:^|;)\s*{TOKEN}=)([^;]*)")
_BEARER = re.compile(r"(?i)bearer[\s:]+")
_SENDABLE_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")
"""RFC 6750, 2.1: what a Bearer token may be made of."""


def clean_cookies(text: str) -> str:
    """Return the Cookie header that ``text`` means; empty when it means none.

    Undone are quotes, a ``Cookie:`` or ``Authorization: Bearer`` prefix, line breaks (also inside a wrapped value) and
    the URL-encoding of the whole text or of the token; a bare token becomes the cookie that it is.
    """
    value = without_prefix(text, *_HEADER_NAMES)
    bearer = _BEARER.match(value)
    if bearer:
        return _as_cookie(_plain("".join(value[bearer.end() :].split()).rstrip(";")))
    if "=" not in value and "%3d" in value.lower():
        value = unquote(value)
    joined = _joined(value).strip(f"; {_QUOTES}")
    if joined.startswith("eyJ") and "=" not in joined:
        return _as_cookie(joined)
    return _TOKEN_COOKIE.sub(lambda found: found[1] + _plain(found[2]), joined)


def without_prefix(text: str, *prefixes: str) -> str:
    """Return ``text`` without surrounding quotes and without one of the lower-case ``prefixes``."""
    value = _unquoted(text)
    for prefix in prefixes:
        if value.lower().startswith(prefix):
            return _unquoted(value[len(prefix) :])
    return value


def access_token(cookies: str) -> str | None:
    """Return the token in a Cookie header, as a Bearer token has to be written; ``None`` without one."""
    for name, value in _pairs(cookies):
        token = _plain(value)
        if name == TOKEN and _SENDABLE_TOKEN.fullmatch(token):
            return token
    return None


def secret_values(cookies: str) -> tuple[str, ...]:
    """Return the texts of a Cookie header that nothing may show: every value of some length, also URL-decoded."""
    values = (form for _, value in _pairs(cookies) for form in (value, unquote(value)))
    return tuple(dict.fromkeys(value for value in values if len(value) >= LEAST_SECRET))


def _as_cookie(token: str) -> str:
    return f"{TOKEN}={token}" if token else ""


def _joined(value: str) -> str:
    """One line: a line that starts like a cookie is a cookie of its own, any other the rest of a wrapped value."""
    joined = ""
    for line in filter(None, map(str.strip, value.splitlines())):
        is_next = joined and not joined.endswith(";") and _NAME_AT_START.match(line)
        joined += f"; {line}" if is_next else line if not joined.endswith(";") else f" {line}"
    return joined


def _pairs(cookies: str) -> list[tuple[str, str]]:
    split = (pair.partition("=") for pair in cookies.split(";"))
    return [(name.strip(), value.strip()) for name, _, value in split]


def _plain(token: str) -> str:
    return _unquoted(unquote(token))


def _unquoted(text: str) -> str:
    return text.strip().strip(_QUOTES).strip()
