"""What is measured: which engine copies how much, from which source, under which share of a processor."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks.engines import IMPORTS, OURS
from benchmarks.peers import MIB
from benchmarks.shares import Share

GIB = 1024 * MIB
DEFAULT_GIB = 4.0
DEFAULT_ROUNDS = 3
QUICK_SIZE = 64 * MIB
SLOW_SOURCE = 20_000_000
"""Bytes per second and connection of the limited source."""
# At 20 MB/s a single connection takes 17 s for it: long beside any start-up.
_LIMITED_SIZE = 320 * MIB
# Several workers are done with that before their start-up is forgotten; one takes a minute for this.
_WORKERS_SIZE = 1024 * MIB
_WORKERS = (1, 4, 8)
_SHARE_SIZE = 256 * MIB
_SHARES_MB = (256, 512, 1024, 1769)
# Those that came nearest under a small share before (performance.md 1), and the two that people would write first.
# One peer for each way of reading: those with one connection are all as slow as it.
_LIMITED = (
    OURS,
    "opendal-ranges",
    "obstore-ranges",
    "awscrt",
    "boto3-best",
    "buffered",
    "rclone-4-streams",
    "curl-pipe",
)
_STRONGEST = (OURS, "opendal", "obstore-ranges", "boto3-best", "buffered")
_MEMORY_SIZES = MappingProxyType({"1MiB": MIB, "1GiB": GIB, "4GiB": 4 * GIB, "16GiB": 16 * GIB})


@dataclass(frozen=True, slots=True)
class Trial:
    """One engine's copy of ``size`` bytes; ``scenario`` names its row, ``workers`` is None for the engine's own choice.

    ``size`` is 0 for the one that only imports.
    """

    engine: str
    scenario: str
    size: int
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Trials that are run in turn, round after round; the row that ratios refer to is the trial named as it is."""

    name: str
    what: str
    trials: tuple[Trial, ...]
    bytes_per_second: int | None = None
    share: Share | None = None


def names() -> tuple[str, ...]:
    """Return the scenarios that may be asked for, in the order they are run."""
    return ("unlimited", "small", "limited", "workers", *(f"share-{each}" for each in _SHARES_MB), "memory")


QUICK_NAMES = ("unlimited", "small", "limited")
"""What a quick run measures when nothing is asked for."""


def chosen_scenarios(
    asked: Collection[str], engines: Collection[str], *, size: int, largest: int | None = None
) -> list[Scenario]:
    """Return the scenarios of these names, reduced to these engines; one without any of them is left out.

    ``size`` is that of the unlimited scenario, ``largest`` bounds all others.
    """
    possible = {each.name: each for each in _all(size, engines, largest)}
    return [possible[name] for name in names() if name in asked and possible[name].trials]


def _all(size: int, engines: Collection[str], largest: int | None) -> Iterable[Scenario]:
    def each(scenario: str, size: int) -> tuple[Trial, ...]:
        return tuple(Trial(name, scenario, size) for name in engines)

    def bounded(size: int) -> int:
        return size if largest is None else min(size, largest)

    yield Scenario("unlimited", "https to https, nothing limited", each("unlimited", size))
    yield Scenario("small", "an object of 1 MiB: start-up", each("small", bounded(MIB)))
    limited = tuple(each for each in each("limited-20MBps", bounded(_LIMITED_SIZE)) if each.engine in _LIMITED)
    yield Scenario("limited", "source limited to 20 MB/s per connection", limited, bytes_per_second=SLOW_SOURCE)
    yield _workers(bounded(_WORKERS_SIZE), OURS in engines)
    for memory in _SHARES_MB:
        name = f"share-{memory}"
        what = f"the processor share and memory of a {memory} MB function"
        strongest = tuple(trial for trial in each(name, bounded(_SHARE_SIZE)) if trial.engine in _STRONGEST)
        yield Scenario(name, what, strongest, share=Share(memory))
    yield Scenario("memory", "what ours adds to its imports", _memory(largest) if OURS in engines else ())


def _workers(size: int, asked: bool) -> Scenario:
    trials = (Trial(OURS, f"limited-20MBps-{n}-workers", size, n) for n in _WORKERS if asked)
    what = "ours with 1, 4 and 8 workers, 20 MB/s per connection"
    return Scenario("workers", what, tuple(trials), bytes_per_second=SLOW_SOURCE)


def _memory(largest: int | None) -> tuple[Trial, ...]:
    sizes = {label: size for label, size in _MEMORY_SIZES.items() if largest is None or size <= largest}
    if largest is not None:
        sizes[f"{largest // MIB}MiB"] = largest
    copies = (Trial(OURS, f"memory-{label}", size) for label, size in sizes.items())
    return (Trial(IMPORTS, "memory-imports", 0), *copies)
