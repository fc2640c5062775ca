"""Which of GoPro's URLs may be opened, and how text is cleaned of secrets before anyone reads it. Pure.

A pre-signed URL comes from a third party, so it is checked before it is used; it is also a bearer secret for about an
hour, so no message made here ever shows more of it than its host.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urljoin, urlsplit

from cloud_sync_common.errors import UnsafeUrl
from cloud_sync_common.models import SecretUrl

MASK = "[redacted]"

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_AUTHORITY = re.compile(rf"((?:{_LABEL}\.)+{_LABEL})\.?(?::[0-9]*)?", re.IGNORECASE)
"""A DNS name (RFC 1123) with an optional port: nothing percent-encoded, no brackets, no empty label, no user."""

_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A name that ends like this is an IPv4 address to many resolvers: ``10.1``, ``127.0.0.1``, ``1.0x7f``."""

_LOGIN_WORDS = ("login", "log-in", "signin", "sign-in", "authorize", "oauth")

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_SPECIAL_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
"""IANA's special-purpose registries (iana-ipv4-special-registry, iana-ipv6-special-registry), multicast, and the IPv6
networks that carry an IPv4 address (Teredo, 6to4). Written out because ``ipaddress.is_global`` answers differently from
one version of Python to the next (CVE-2024-4032), and calls multicast global."""

_JSON_WEB_THING = r"eyJ[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]*)*"
_OPENING = r"(?:[\s\[({\\\"']|b(?=\\*[\"']))*"
"""What a value may stand in, as Python and JSON print it: ``b'``, ``["``, ``{\\"``."""
_VALUE = r"[^\s\"'&;,<>\\]+"

_MASKED_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A header or a dictionary entry: up to its closing quote, or to the end of the line where it has none. A quote
    # behind any number of backslashes closes nothing: printed twice, an escaped one has two.
    (
        re.compile(
            r"(?i)((?:set-)?cookies?|authorization|secret(?:string|binary))(\\*[\"']?\s*[:=]\s*)"
            r"(\"[^\"\\\r\n]*(?:\\+[^\\\r\n][^\"\\\r\n]*)*\"|'[^'\r\n]*'|[^\r\n]+)"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)(https?://)[^\s\"'<>/@]+@"), rf"\1{MASK}@"),
    # No URL is looked for inside another: that would take time with the square of the text's length.
    (re.compile(r"(?i)(https?://(?:(?!https?://)[^\s\"'<>?])*\?)[^\s\"'<>]*"), rf"\1{MASK}"),
    (
        re.compile(
            r"(?i)((?:gp_access_token|(?:access|refresh|id)_token|x-amz-[a-z\-]{1,64}|gpsignature|signature|key-pair-id|policy)"
            rf"(?:\\*[\"']?\s*[:=]{_OPENING}|%3D)){_VALUE}"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer\s+)[a-z0-9._~+/=-]{8,}"), rf"\1{MASK}"),
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
    whole labels; an IP address never is. ``allow_loopback_http`` adds http and https at this machine's own addresses on
    any port; only the sandbox sets it. Which address a name leads to is `is_public_address`'s question, asked where the
    connection is made (``edges.sessions``).
    """
    parts = _split(url)
    shown = (parts.hostname or "")[:100]
    if not shown:
        raise UnsafeUrl("GoPro gave a URL without a host name; nothing was fetched")
    if parts.username is not None or parts.password is not None:
        raise UnsafeUrl(f"GoPro gave a URL with a user name in it, at host {shown}; nothing was fetched")
    if allow_loopback_http and parts.scheme in {"http", "https"} and is_loopback_host(parts.hostname or ""):
        return SecretUrl(url)
    if parts.scheme != "https":
        raise UnsafeUrl(f"GoPro gave a URL that is not https, at host {shown}; nothing was fetched")
    if parts.port not in {None, 443}:
        raise UnsafeUrl(f"GoPro gave a URL with an unusual port, at host {shown}; nothing was fetched")
    host = _host_name(parts)
    if host is None:
        raise UnsafeUrl(f"GoPro gave a URL whose host is no name, {shown}; nothing was fetched")
    if not any(_is_at_or_below(host, allowed) for allowed in allowed_hosts):
        raise UnsafeUrl(
            f"host {shown} is not among the allowed hosts; if it is GoPro's, add it to the setting allowed_hosts"
        )
    return SecretUrl(url)


def redirect_target(url: str, location: str) -> str:
    """Return the absolute URL that a redirect from ``url`` leads to; it is as unchecked as any other.

    Raises `UnsafeUrl` where it cannot be read or is a login: a pre-signed URL needs none.
    """
    try:
        target = urljoin(url, location)
        login = leads_to_login(target)
    except ValueError:
        raise UnsafeUrl("the source redirects to an address that cannot be read; not followed") from None
    if login:
        raise UnsafeUrl("the source redirects to a login page in place of media; not followed")
    return target


def leads_to_login(url: str) -> bool:
    """Tell whether ``url`` (or a relative one) looks like a login by its host and path; raises ValueError."""
    parts = urlsplit(url)
    place = f"{parts.hostname or ''}{parts.path}".lower()
    return any(word in place for word in _LOGIN_WORDS)


def is_public_address(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet.

    False for private, shared (CGNAT), loopback, link-local, multicast and reserved ones, for every IPv6 address that
    embeds an IPv4 one (mapped, 6to4, NAT64, Teredo), and for what is no address.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and ip not in _GLOBAL_UNICAST:
        return False
    return not any(ip in network for network in _SPECIAL_NETWORKS)


def is_loopback(url: str) -> bool:
    """Tell whether ``url`` names this very machine (``localhost``, 127.0.0.0/8, ::1)."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return is_loopback_host(host)


def is_loopback_host(host: str) -> bool:
    """Tell whether a host name or address is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


def _host_name(parts: SplitResult) -> str | None:
    """The host in lower case without its last dot, if it is a DNS name and nothing else."""
    match = _AUTHORITY.fullmatch(parts.netloc)
    if match is None:
        return None
    host = match[1].lower()
    if len(host) > 253 or _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        return None
    return host


def _is_at_or_below(host: str, allowed: str) -> bool:
    """Compare by whole labels: ``gopro.com`` allows ``cdn.gopro.com`` and never ``notgopro.com``."""
    name = allowed.strip().lower().removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))
