"""The simulated account's secrets: made anew at every start, each carrying a mark that leak tests can look for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message

ACCOUNT_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "https://gopro.example/simulated-account"))
"""The account's uuid; it is part of CDN paths and no secret."""

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


def _marked_token() -> str:
    """Return a token of five segments like GoPro's encrypted ones: nothing in it can be read by a client."""
    header = base64.urlsafe_b64encode(b'{"alg":"RSA-OAEP","enc":"A128GCM"}').decode().rstrip("=")
    segments = (secrets.token_hex(128), secrets.token_hex(8), secrets.token_hex(160), secrets.token_hex(8))
    return ".".join((header, *segments))


@dataclass(frozen=True)
class Account:
    """One account's access token and keys."""

    access_token: str = field(default_factory=_marked_token, repr=False)
    row_mark: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)
    url_mark: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def credentials(self) -> dict[str, str]:
        """The JSON of the project's secret: the Cookie header of a signed-in browser and its User-Agent."""
        cookies = f"gp_logged_in=true; gp_access_token={self.access_token}; gp_user_id={ACCOUNT_ID}; gp_language=en"
        return {"cookies": cookies, "user-agent": USER_AGENT}

    @property
    def canaries(self) -> tuple[str, ...]:
        """Texts that no log, table or report of a client may contain: marks in cookies, row tokens and signatures."""
        return (*self.access_token.split(".")[1:4:2], self.row_mark, self.url_mark)

    def admits(self, headers: Message) -> bool:
        """Tell whether the request carries the access token, as a cookie or as a Bearer token."""
        given = [_bearer(headers.get("Authorization", "")), _cookie(headers.get("Cookie", ""))]
        return any(self.is_access_token(token) for token in given)

    def is_access_token(self, token: str) -> bool:
        """Compare in constant time; an empty token is never right."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.access_token.encode())

    def row_token(self, media_id: str) -> str:
        """Return the token that a row of the listing carries: like GoPro's JWT, it opens the medium's thumbnail."""
        claims: Mapping[str, object] = {"medium_id": media_id, "owner": ACCOUNT_ID, "is_public": False, "o": 1}
        parts = [{"alg": "HS256", "typ": "JWT"}, claims]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join((*encoded, self.row_mark + self.digest(f"row\n{media_id}")))

    def digest(self, text: str) -> str:
        """Return a keyed digest of the text, in hex."""
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cookie(header: str) -> str:
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return next((value for name, _, value in pairs if name == "gp_access_token"), "")
