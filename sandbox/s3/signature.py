"""Who is calling: Signature Version 4 in the Authorization header, computed again and compared.

Rules: AWS "Authenticating Requests: Using the Authorization Header (Signature Version 4)". Pre-signed queries and
signed chunks are refused as not implemented. No error and no log of this module contains a signature.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.message import Request, query_pairs

MAX_SKEW = timedelta(minutes=15)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/, ]+)/(?P<date>\d{8})/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)/"
    r"aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;._-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Verifier:
    """Checks signatures against ``credentials`` (access key id -> secret, read anew for each request)."""

    credentials: Mapping[str, str]
    region: str

    def verify(self, request: Request, now: datetime) -> str:
        """The access key id that signed the request; ``S3Error`` if nobody known did."""
        scope = _scope(request)
        secret = self.credentials.get(scope["key"])
        if secret is None:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=scope["key"])
        self._check_scope(scope)
        stamp = _check_date(request, scope["date"], now)
        names = scope["headers"].split(";")
        _check_signed(request, names)
        day = f"{scope['date']}/{self.region}/s3/aws4_request"
        canonical = hashlib.sha256(_canonical_request(request, names).encode()).hexdigest()
        signed = f"AWS4-HMAC-SHA256\n{stamp}\n{day}\n{canonical}"
        expected = _hmac(_signing_key(secret, day), signed).hex()
        if not hmac.compare_digest(expected, scope["signature"]):
            raise S3Error("SignatureDoesNotMatch", AWSAccessKeyId=scope["key"])
        return scope["key"]

    def _check_scope(self, scope: Mapping[str, str]) -> None:
        for name, wanted in (("region", self.region), ("service", "s3")):
            if scope[name] != wanted:
                raise S3Error(
                    "AuthorizationHeaderMalformed",
                    f"The authorization header is malformed; the {name} '{scope[name]}' is wrong; expecting '{wanted}'",
                    Region=self.region,
                )


def claimed_access_key_id(request: Request) -> str | None:
    """Who the request says it comes from, unverified (for the log of a server that verifies nobody)."""
    matched = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    return matched["key"] if matched else None


def _scope(request: Request) -> Mapping[str, str]:
    if "X-Amz-Signature" in request.query or "Signature" in request.query:
        raise not_implemented("A pre-signed query")
    header = request.headers.get("authorization")
    if header is None:
        raise S3Error("AccessDenied")
    matched = _AUTHORIZATION.fullmatch(header)
    if not matched:
        raise S3Error("AuthorizationHeaderMalformed")
    return matched.groupdict()


def _check_date(request: Request, day: str, now: datetime) -> str:
    stamp = request.headers.get("x-amz-date", "")
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header") from None
    if abs(now - signed_at) > MAX_SKEW:
        raise S3Error(
            "RequestTimeTooSkewed",
            RequestTime=stamp,
            ServerTime=now.isoformat(timespec="seconds"),
            MaxAllowedSkewMilliseconds=str(int(MAX_SKEW.total_seconds() * 1000)),
        )
    if not stamp.startswith(day):
        raise S3Error("AuthorizationHeaderMalformed", "The date of the credential is not that of the request.")
    return stamp


def _check_signed(request: Request, names: list[str]) -> None:
    if "x-amz-content-sha256" not in request.headers:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    required = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    missing = sorted(required - set(names))
    if missing:
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(missing),
        )


def _canonical_request(request: Request, names: list[str]) -> str:
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query_pairs(request.raw_query))
    lines = [
        request.method,
        quote(unquote(request.raw_path, errors="surrogateescape").encode(errors="surrogateescape"), safe="/~"),
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
        "",
        ";".join(names),
        request.headers["x-amz-content-sha256"],
    ]
    return "\n".join(lines)


def _signing_key(secret: str, day: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for element in day.split("/"):
        key = _hmac(key, element)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
