"""The pre-signed URL of one piece, renewed when it has expired."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloud_sync_common.errors import SourceGone, SourceUnavailable, UrlExpired
from cloud_sync_common.models import Piece, PieceId, SecretUrl
from cloud_sync_common.transfer.retry import RetryBudget
from cloud_sync_common.transfer.urls import PieceUrls
from tests.support.media import URL, piece


class Resolver:
    """Hands out a fresh URL each time, and counts."""

    def __init__(self, *gone: PieceId) -> None:
        self.calls = 0
        self._gone = gone

    def __call__(self) -> dict[PieceId, Piece]:
        self.calls += 1
        fresh = piece(url=SecretUrl(f"https://cdn.gopro.com/{self.calls}"))
        return {} if fresh.piece_id in self._gone else {fresh.piece_id: fresh}


def _good_from(number: int, seen: list[str]) -> str:
    if len(seen) < number:
        raise UrlExpired("refused")
    return seen[-1]


def test_a_good_url_is_used_without_asking_again() -> None:
    resolver = Resolver()
    assert PieceUrls(piece(), resolver).with_url(str) == URL
    assert resolver.calls == 0


def test_an_expired_url_is_renewed_and_the_fresh_one_kept() -> None:
    resolver = Resolver()
    urls, seen = PieceUrls(piece(), resolver), list[str]()

    def action(url: SecretUrl) -> str:
        seen.append(url)
        return _good_from(2, seen)

    assert urls.with_url(action) == "https://cdn.gopro.com/1"
    assert seen[0] == URL
    assert urls.with_url(str) == "https://cdn.gopro.com/1"
    assert resolver.calls == 1


def test_urls_that_are_refused_at_once_again_and_again_are_given_up() -> None:
    resolver, seen = Resolver(), list[str]()

    def action(url: SecretUrl) -> str:
        seen.append(url)
        raise UrlExpired("refused")

    with pytest.raises(UrlExpired):
        PieceUrls(piece(), resolver).with_url(action)
    assert (resolver.calls, len(seen)) == (3, 4)
    assert len(set(seen)) == 4


def test_fresh_urls_are_paid_for_by_the_mediums_budget() -> None:
    resolver, budget = Resolver(), RetryBudget(free=4)

    def action(url: SecretUrl) -> str:
        raise UrlExpired("refused")

    for calls in (3, 4, 4):
        with pytest.raises(UrlExpired):
            PieceUrls(piece(), resolver, budget).with_url(action)
        assert resolver.calls == calls


def test_a_piece_that_the_medium_lost_is_gone() -> None:
    def action(url: SecretUrl) -> str:
        raise UrlExpired("refused")

    with pytest.raises(SourceGone, match="no longer offers this piece"):
        PieceUrls(piece(), Resolver(PieceId("source-1"))).with_url(action)


def test_other_failures_are_not_the_urls_fault() -> None:
    resolver = Resolver()

    def action(url: SecretUrl) -> str:
        raise SourceUnavailable("reset")

    with pytest.raises(SourceUnavailable):
        PieceUrls(piece(), resolver).with_url(action)
    assert resolver.calls == 0


def test_threads_that_find_the_same_url_expired_renew_it_once() -> None:
    resolver, workers = Resolver(), 6
    urls, together = PieceUrls(piece(), resolver), threading.Barrier(workers)

    def action(url: SecretUrl) -> str:
        if url == URL:
            together.wait(timeout=10)
            raise UrlExpired("refused")
        return url

    with ThreadPoolExecutor(workers) as pool:
        got = list(pool.map(lambda _: urls.with_url(action), range(workers)))
    assert got == ["https://cdn.gopro.com/1"] * workers
    assert resolver.calls == 1
