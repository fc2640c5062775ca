"""Pre-signed CDN URLs in CloudFront's form: signed per method, checked on every request, good for a while."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping

from sandbox.gopro.account import ACCOUNT_ID, Account
from sandbox.gopro.library import Library, SimMedium, SimPiece
from sandbox.gopro.messages import Response, xml_error

_KEY_PAIR_ID = "KSIMULATEDKEY1"
_PATH_STEPS = len(["", "account", "object", "label", "position", "name"])
_PARAMETERS = ("Expires", "Signature", "Key-Pair-Id")


def piece_path(medium: SimMedium, piece: SimPiece) -> str:
    """Return the path under which the CDN serves the piece."""
    return f"/{ACCOUNT_ID}/{medium.object_id}/{piece.label}/{piece.camera_position}/{piece_name(piece)}"


def piece_name(piece: SimPiece) -> str:
    """Return the last step of the piece's path."""
    return f"{piece.item_number}.{piece.extension}"


def piece_at(library: Library, path: str) -> SimPiece | None:
    """Find the piece that the CDN serves under the path; ``None`` when there is no object behind it."""
    steps = path.split("/")
    medium = library.find_object(steps[2]) if len(steps) == _PATH_STEPS else None
    if medium is None:
        return None
    found = next((piece for piece in medium.pieces if _last_steps(piece) == steps[3:]), None)
    return found if found is not None and found.available and not found.cdn_deleted else None


def _last_steps(piece: SimPiece) -> list[str]:
    return [piece.label, piece.camera_position, piece_name(piece)]


def is_cdn_path(path: str) -> bool:
    """Tell the CDN's paths from the API's: the server stands for both hosts."""
    return path.startswith(f"/{ACCOUNT_ID}/")


class Signer:
    """Signs and checks URLs for one server. ``lifetime`` in seconds; ``clock`` gives seconds since the epoch."""

    def __init__(self, account: Account, lifetime: int, clock: Callable[[], float]) -> None:
        self._account = account
        self._lifetime = lifetime
        self._clock = clock
        self._generation = 0

    def expire_all(self) -> None:
        """Let every URL signed so far count as expired from now on, as if an hour had passed."""
        self._generation += 1

    def query(self, method: str, path: str) -> str:
        """Return the query that opens the path to this method for ``lifetime`` seconds from now."""
        expires = str(int(self._clock()) + self._lifetime)
        signature = self._signature(method, path, expires, self._generation)
        return f"Expires={expires}&Signature={signature}&Key-Pair-Id={_KEY_PAIR_ID}"

    def refusal(self, method: str, path: str, query: Mapping[str, str]) -> Response | None:
        """Return the 403 that a missing, wrong or expired signature earns; ``None`` when the URL is good."""
        missing = next((name for name in _PARAMETERS if name not in query), None)
        if missing is not None:
            return xml_error(403, "MissingKey", f"Missing {missing} query parameter or cookie value")
        expires, signature, key_pair = (query[name] for name in _PARAMETERS)
        generation = self._signed_in(signature, method, path, expires)
        if generation is None or key_pair != _KEY_PAIR_ID:
            return xml_error(403, "AccessDenied", "Access denied")
        if int(expires) <= self._clock() or generation < self._generation:
            return xml_error(403, "AccessDenied", "Request has expired")
        return None

    def _signed_in(self, signature: str, method: str, path: str, expires: str) -> int | None:
        """Return the generation that a genuine signature is of, looking at the latest first."""
        for generation in range(self._generation, -1, -1):
            right = self._signature(method, path, expires, generation)
            if hmac.compare_digest(signature.encode(), right.encode()):
                return generation
        return None

    def _signature(self, method: str, path: str, expires: str, generation: int) -> str:
        return self._account.url_mark + self._account.digest(f"url\n{method}\n{path}\n{expires}\n{generation}")
