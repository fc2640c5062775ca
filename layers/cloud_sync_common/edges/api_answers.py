"""Tells apart what GoPro's answers mean: data, "again", expired cookies, no such medium, a changed API.

"The cookies have expired" is never said where GoPro is merely down, and never the other way round: the first stops the
run and wakes a person, the second is waited out.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from cloud_sync_common.edges.http import Reply, retry_after_seconds
from cloud_sync_common.errors import (
    APIError,
    CredentialsExpired,
    MediumNotFound,
    MediumRefused,
    SchemaChanged,
    SourceUnavailable,
)
from cloud_sync_common.rules.urls import leads_to_login

ACCOUNT_PATH, SEARCH_PATH, DELETED_PATH = "/media/user", "/media/search", "/media/deleted"
LIBRARY_PATHS = frozenset({ACCOUNT_PATH, SEARCH_PATH, DELETED_PATH})
_AGAIN = frozenset({408, 425, 429})
_LOGIN_PAGE = (b"login", b"log in", b"sign in", b"sign-in", b"signin", b"password")
_RENEW = "log in at gopro.com and store fresh cookies in the secret"


@dataclass(frozen=True, slots=True)
class Retry:
    """An answer that another attempt may better; ``error`` is what it becomes when none does."""

    reason: str
    status: int = 0
    retry_after: float | None = None
    error: type[APIError] = SourceUnavailable


def read_answer(path: str, reply: Reply, now: float) -> object:
    """Return the parsed JSON of a good answer or a `Retry`; raises for everything that asking again cannot change."""
    status = reply.status
    if status in _AGAIN or status >= 500:
        return Retry(f"GoPro answered {status}", status, retry_after_seconds(reply.headers, now))
    if status in {401, 403}:
        raise _refused(path, reply)
    if status in {404, 410}:
        raise _not_found(path, status)
    if 300 <= status < 400:
        raise _redirected(path, reply)
    if status >= 400:
        raise _wrong_request(path, status)
    if status != 200 or not reply.body.strip():
        return Retry(f"GoPro answered {status} with an empty body", status)
    if reply.is_html:
        raise _web_page(path, reply)
    try:
        return reply.json()
    except ValueError:
        # What begins like JSON was cut off on the way; anything else will not become JSON by asking again.
        started = reply.body.lstrip()[:1] in {b"{", b"["}
        return Retry("GoPro answered with broken JSON", status, error=SourceUnavailable if started else SchemaChanged)


def _refused(path: str, reply: Reply) -> APIError:
    """A firewall in front of the API blocks with 403 too; fresh cookies would not help there."""
    if reply.status == 403 and reply.is_html and reply.mentions(b"request blocked", b"could not be satisfied"):
        message = f"GET {path}: GoPro's firewall blocked the request (403); this is not about the cookies"
        return SourceUnavailable(message, status=403)
    return CredentialsExpired(f"GET {path}: GoPro refuses the cookies ({reply.status}); {_RENEW}", status=reply.status)


def _wrong_request(path: str, status: int) -> APIError:
    """For one medium this is the medium's trouble; for the whole library it is a changed API."""
    if path in LIBRARY_PATHS:
        message = f"GET {path}: GoPro refuses our form of request ({status}); the API has changed"
        return SchemaChanged(message, status=status)
    return MediumRefused(f"GET {path}: GoPro refuses to serve this medium ({status})", status=status)


def _not_found(path: str, status: int) -> APIError:
    if path in LIBRARY_PATHS:
        return SchemaChanged(f"GET {path}: GoPro no longer answers at this address ({status})", status=status)
    return MediumNotFound(f"GET {path}: GoPro has no such medium ({status})", status=404)


def _redirected(path: str, reply: Reply) -> APIError:
    location = reply.headers.get("Location", "")
    try:
        host = (urlsplit(location).hostname or "its own host")[:100]
        login = leads_to_login(location)
    except ValueError:
        return SchemaChanged(f"GET {path}: GoPro redirects to an address that cannot be read", status=reply.status)
    if login:
        return CredentialsExpired(f"GET {path}: GoPro asks for a new login; {_RENEW}", status=401)
    return SchemaChanged(f"GET {path}: GoPro redirects its API to {host}; not followed", status=reply.status)


def _web_page(path: str, reply: Reply) -> APIError:
    if reply.mentions(*_LOGIN_PAGE):
        # For one medium that is not certain: whoever asked tries GoPro's cheapest call, as for a 403.
        status = 401 if path in LIBRARY_PATHS else 403
        return CredentialsExpired(f"GET {path}: GoPro answered with its login page; {_RENEW}", status=status)
    return SchemaChanged(f"GET {path}: GoPro answered with a web page in place of data", status=reply.status)
