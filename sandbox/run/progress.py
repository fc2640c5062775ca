"""What a run has done so far: phases, media and bytes go in from any thread, snapshots come out. No I/O, no drawing."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.run import words

RATE_WINDOW = 5.0
"""Seconds over which a rate is averaged: long enough to be readable, short enough to show a stall."""

_TICK = 0.25
"""Bytes that arrive within this many seconds share one entry of the window, so that the window stays small."""


@dataclass(frozen=True, slots=True)
class MediumProgress:
    """One medium: ``size`` in bytes or ``None`` while unknown, ``rate`` in bytes per second, ``left`` in seconds."""

    media_id: str
    filename: str
    size: int | None
    moved: int
    rate: float
    left: float | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment: ``size`` is the sum of the known sizes; ``left`` is ``None`` when it cannot be told."""

    media: int
    done: int
    size: int
    moved: int
    rate: float
    left: float | None
    in_flight: tuple[MediumProgress, ...]


class Meter:
    """Bytes per second over the last ``RATE_WINDOW`` seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ticks: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        """Note bytes that have just arrived."""
        now = self._clock()
        if self._ticks and now - self._ticks[-1][0] < _TICK:
            start, sum_so_far = self._ticks[-1]
            self._ticks[-1] = (start, sum_so_far + count)
        else:
            self._ticks.append((now, count))

    def rate(self) -> float:
        """The average now; 0 when nothing has arrived within the window."""
        now = self._clock()
        while self._ticks and now - self._ticks[0][0] > RATE_WINDOW:
            self._ticks.popleft()
        if not self._ticks:
            return 0.0
        return sum(count for _, count in self._ticks) / max(now - self._ticks[0][0], _TICK)


class _Medium:
    """The mutable side of ``MediumProgress``."""

    def __init__(self, media_id: str, clock: Callable[[], float]) -> None:
        self.media_id = media_id
        self.filename = media_id
        self.size: int | None = None
        self.moved = 0
        self.status: str | None = None
        self.meter = Meter(clock)

    def remaining(self) -> int:
        """Bytes still expected; a part that is sent twice must not make this negative."""
        if self.status is not None or self.size is None:
            return 0
        return max(self.size - self.moved, 0)

    def freeze(self) -> MediumProgress:
        rate = self.meter.rate()
        left = self.remaining() / rate if rate > 0 and self.size is not None else None
        return MediumProgress(self.media_id, self.filename, self.size, self.moved, rate, left, self.status)


class Progress:
    """The media and bytes of one execution; every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._media: dict[str, _Medium] = {}
        self._meter = Meter(clock)
        self._moved = 0

    def expect(self, media_id: str, filename: str, size: int | None) -> None:
        """A medium is going to be copied; 0 and ``None`` both mean that its size is unknown. Idempotent."""
        with self._lock:
            medium = self._get(media_id)
            medium.filename = words.name(filename) or media_id
            medium.size = size or medium.size

    def add_bytes(self, media_id: str, count: int) -> None:
        """Bytes of this medium have arrived in the bucket, in whatever part or order."""
        with self._lock:
            self._get(media_id).moved += count
            self._moved += count
            self._get(media_id).meter.add(count)
            self._meter.add(count)

    def finish(self, media_id: str, status: str) -> MediumProgress | None:
        """The medium is done, one way or another; ``None`` when that was known already."""
        with self._lock:
            medium = self._get(media_id)
            if medium.status is not None:
                return None
            medium.status = status
            return medium.freeze()

    def snapshot(self) -> Snapshot:
        """Where things stand at this moment."""
        with self._lock:
            media = list(self._media.values())
            rate = self._meter.rate()
            return Snapshot(
                media=len(media),
                done=sum(1 for medium in media if medium.status is not None),
                size=sum(_expected(medium) for medium in media),
                moved=self._moved,
                rate=rate,
                left=sum(medium.remaining() for medium in media) / rate if rate > 0 else None,
                in_flight=tuple(medium.freeze() for medium in media if medium.moved and medium.status is None),
            )

    @property
    def moved(self) -> int:
        """All bytes so far."""
        with self._lock:
            return self._moved

    def _get(self, media_id: str) -> _Medium:
        if media_id not in self._media:
            self._media[media_id] = _Medium(media_id, self._clock)
        return self._media[media_id]


def _expected(medium: _Medium) -> int:
    """What the medium adds to the total: a finished one counts what it moved, for its listed size was only advice."""
    if medium.status is not None or medium.size is None:
        return medium.moved
    return max(medium.size, medium.moved)
