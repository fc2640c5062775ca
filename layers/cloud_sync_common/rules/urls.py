"""Which of GoPro's URLs may be opened, and how text is cleaned of secrets before anyone reads it. Pure.

A pre-signed URL comes from a third party, so it is checked before it is used; it is also a bearer secret for about an
hour, so no message made here ever shows more of it than its host.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from cloud_sync_common.errors import UnsafeUrl
from cloud_sync_common.models import SecretUrl

MASK = "[redacted]"

_JSON_WEB_THING = r"eyJ[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]*)*"
_VALUE = r"[^\s\"'&;,<>\\]+"

_MASKED_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A header or a dictionary entry: up to its closing quote, or to the end of the line where it has none.
    (
        re.compile(
            r"(?i)((?:set-)?cookies?|authorization)(\\*[\"']?\s*[:=]\s*)"
            r"(\"[^\"\\\r\n]*(?:\\.[^\"\\\r\n]*)*\"|'[^'\r\n]*'|[^\r\n]+)"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)(https?://)[^\s\"'<>/@]+@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)(https?://[^\s\"'<>?]*\?)[^\s\"'<>]*"), rf"\1{MASK}"),
    (
        re.compile(
            r"(?i)((?:gp_access_token|(?:access|refresh|id)_token|x-amz-[a-z\-]+|gpsignature|signature|key-pair-id|policy)"
            rf"(?:\\*[\"']?\s*[:=]\s*\\*[\"']?|%3D)){_VALUE}"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(_JSON_WEB_THING), MASK),
)


def redact(text: str) -> str:
    """Return ``text`` without secrets: URL queries, cookies, authorization values, tokens and signatures are masked.

    Never fails; it masks too much rather than too little.
    """
    for pattern, replacement in _MASKED_PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def check_url(url: object, allowed_hosts: tuple[str, ...], *, allow_loopback_http: bool) -> SecretUrl:
    """Return ``url`` if it may be opened, else raise `UnsafeUrl` with a message that shows at most its host.

    Allowed is https on port 443, without user or password, at one of ``allowed_hosts`` or a name below it, compared by
    whole labels. ``allow_loopback_http`` adds http and https at this machine's own addresses on any port; only the
    sandbox sets it.
    """
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".")
    if not host:
        raise UnsafeUrl("GoPro gave a URL without a host name; nothing was fetched")
    if parts.username is not None or parts.password is not None:
        raise UnsafeUrl(f"GoPro gave a URL with a user name in it, at host {host}; nothing was fetched")
    if allow_loopback_http and parts.scheme in {"http", "https"} and _is_loopback(host):
        return SecretUrl(url)
    if parts.scheme != "https":
        raise UnsafeUrl(f"GoPro gave a URL that is not https, at host {host}; nothing was fetched")
    if parts.port not in {None, 443}:
        raise UnsafeUrl(f"GoPro gave a URL with an unusual port, at host {host}; nothing was fetched")
    if not any(_is_at_or_below(host, allowed) for allowed in allowed_hosts):
        raise UnsafeUrl(
            f"host {host} is not among the allowed download hosts; add it to ALLOWED_HOSTS if it is GoPro's"
        )
    return SecretUrl(url)


def is_loopback(url: str) -> bool:
    """Tell whether ``url`` names this very machine (``localhost``, 127.0.0.0/8, ::1)."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return _is_loopback(host)


def _split(url: object) -> SplitResult:
    """Parse a URL, refusing everything that two parsers could read in two ways."""
    if not isinstance(url, str) or not url:
        raise UnsafeUrl("GoPro gave no URL where one was expected")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UnsafeUrl("GoPro gave a URL with characters that no URL has; nothing was fetched")
    try:
        parts = urlsplit(url)
        _ = (parts.hostname, parts.port)
    except ValueError:
        raise UnsafeUrl("GoPro gave a URL that cannot be read; nothing was fetched") from None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_at_or_below(host: str, allowed: str) -> bool:
    """Compare by whole labels: ``gopro.com`` allows ``cdn.gopro.com`` and never ``notgopro.com``."""
    name = allowed.strip().lower().removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))
