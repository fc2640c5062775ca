"""The pre-signed URL of one piece, renewed when it has expired, shared by the threads of one transfer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from cloud_sync_common.errors import SourceGone, UrlExpired
from cloud_sync_common.models import Piece, PieceId, SecretUrl
from cloud_sync_common.transfer.retry import RetryBudget

Result = TypeVar("Result")

MAX_RENEWALS_IN_A_ROW = 3
"""A URL that is refused right after it was handed out, this often, is a problem for the workflow."""


class PieceUrls:
    """Hands out a piece's URL of now. ``resolve`` asks GoPro for all pieces of the medium again.

    Each time is one of the medium's retries: a URL that is good for an hour takes none of them away that matters, a CDN
    that refuses every fresh one is not asked three times for each part.
    """

    def __init__(
        self, piece: Piece, resolve: Callable[[], dict[PieceId, Piece]], budget: RetryBudget | None = None
    ) -> None:
        self._piece_id = piece.piece_id
        self._url = piece.url
        self._resolve = resolve
        self._budget = budget
        self._lock = threading.Lock()

    def with_url(self, action: Callable[[SecretUrl], Result]) -> Result:
        """Run ``action`` with the URL of now, and again with a fresh one as long as it raises ``UrlExpired``.

        Raises ``UrlExpired`` after three fresh ones in a row or without budget, ``SourceGone`` when the medium has lost
        the piece. Whether the fresh URL still serves what was planned is the reader's to check.
        """
        for _ in range(MAX_RENEWALS_IN_A_ROW):
            url = self._url
            try:
                return action(url)
            except UrlExpired:
                if not self._renew(url):
                    raise
        return action(self._url)

    def _renew(self, expired: SecretUrl) -> bool:
        with self._lock:
            if self._url is not expired:
                return True
            if self._budget is not None and not self._budget.spend():
                return False
            piece = self._resolve().get(self._piece_id)
            if piece is None:
                raise SourceGone("GoPro no longer offers this piece of the medium")
            self._url = piece.url
            return True
