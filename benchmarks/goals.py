"""What the engine must show (issue 6), and what it showed: each goal with its figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.engines import OURS
from benchmarks.results import Results, Row

_CPU_RATIOS = (
    ("buffered", 0.45),
    ("rclone-4-streams", 0.5),
    ("boto3-best-checked", 0.65),
    ("boto3-best", 0.65),
    ("opendal", 1.0),
    ("obstore", 1.0),
    ("obstore-ranges", 1.0),
)
_ADDED_MB = 8.0
_LIMITED_RATIOS = ((4, 3.5), (8, 6.0))
_SHARE, _SHARE_MB_S = "share-512", 75.0


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, and the figure got, which is None when it was not measured. ``note`` says what else belongs to it."""

    what: str
    limit: float
    at_most: bool
    got: float | None
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None if it was not measured."""
        if self.got is None:
            return None
        return self.got <= self.limit if self.at_most else self.got >= self.limit

    def document(self) -> dict[str, object]:
        """Return it as latest.json has it."""
        sign = "<=" if self.at_most else ">="
        return {"goal": f"{self.what} {sign} {self.limit:g}{self.unit}", "got": self.got, "met": self.met}

    def line(self) -> str:
        """Return it as one line of text."""
        answer = {True: "met    ", False: "NOT MET", None: "-      "}[self.met]
        got = "not measured" if self.got is None else f"{self.got:.3g}{self.unit}"
        return f"  {answer}  {self.document()['goal']}: {got}{f' ({self.note})' if self.note else ''}"


def goals(results: Results) -> list[Goal]:
    """Return every goal with what these results say about it."""
    return [*_cpu(results), *_memory(results), *_limited(results), _share(results)]


def _cpu(results: Results) -> Iterator[Goal]:
    ours = results.row(OURS, "unlimited")
    for peer, limit in _CPU_RATIOS:
        theirs = results.row(peer, "unlimited")
        note = "" if ours is None or theirs is None else f"{_shown(ours)} to {_shown(theirs)} s/GiB at {ours.gib:g} GiB"
        got = None if ours is None or theirs is None else ours.cpu_s_per_gib / theirs.cpu_s_per_gib
        yield Goal(f"CPU over that of {peer}", limit, at_most=True, got=got, note=note)


def _shown(row: Row) -> str:
    return f"{row.cpu_s_per_gib:.2f}"


def _memory(results: Results) -> Iterator[Goal]:
    for label in ("1MiB", "1GiB", "4GiB", "16GiB"):
        row, imports = results.row(OURS, f"memory-{label}"), results.imports_rss_mb
        got = None if row is None or imports is None else row.peak_rss_mb - imports
        note = "" if row is None else f"peak {row.peak_rss_mb:.1f} MB"
        yield Goal(f"memory above imports at {label}", _ADDED_MB, at_most=True, got=got, unit=" MB", note=note)


def _limited(results: Results) -> Iterator[Goal]:
    single = results.row(OURS, "limited-20MBps-1-workers")
    for workers, limit in _LIMITED_RATIOS:
        row = results.row(OURS, f"limited-20MBps-{workers}-workers")
        got = None if row is None or single is None else single.wall_s / row.wall_s
        note = "" if row is None else f"{row.mb_s:.0f} MB/s at {row.gib:g} GiB, start-up counted"
        yield Goal(f"{workers} workers over one connection at 20 MB/s each", limit, at_most=False, got=got, note=note)


def _share(results: Results) -> Goal:
    row = results.row(OURS, _SHARE)
    got = None if row is None else row.mb_s
    note = "" if row is None else f"{row.gib:g} GiB, start-up counted"
    if row is not None and row.transfer_s:
        note += f"; {row.mb_s * row.wall_s / row.transfer_s:.0f} MB/s without it"
    return Goal("speed under a 512 MB function's share", _SHARE_MB_S, at_most=False, got=got, unit=" MB/s", note=note)
