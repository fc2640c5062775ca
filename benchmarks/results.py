"""What was measured, as figures: medians of runs, and ``benchmarks/results/latest.json``."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import ROOT

LATEST = ROOT / "benchmarks" / "results" / "latest.json"
_GIB = 1024**3


class BadResults(Exception):
    """A file is not one that ``write`` wrote; one line that says why."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds, MiB, and in ``why`` the one line of a run that failed, whose figures then mean nothing.

    ``transfer_s`` is what ours itself measured, without its start-up.
    """

    engine: str
    scenario: str
    size: int
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0
    sink_cpu_s: float = 0.0
    source_cpu_s: float = 0.0
    transfer_s: float | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An engine in a scenario: medians of the ``rounds`` that succeeded. GiB are 1024^3 bytes, MB/s 10^6, RSS MiB."""

    engine: str
    scenario: str
    gib: float
    cpu_s_per_gib: float
    wall_s: float
    mb_s: float
    peak_rss_mb: float
    rounds: int
    cpu_s: float
    cpu_s_per_gib_min: float
    cpu_s_per_gib_max: float
    wall_s_min: float
    wall_s_max: float
    sink_cpu_s_per_gib: float
    source_cpu_s_per_gib: float
    transfer_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that gave no figure, and why in one line."""

    engine: str
    scenario: str
    why: str


@dataclass(frozen=True, slots=True)
class Results:
    """What one call of the benchmark found; ``imports_rss_mb`` is the peak of ours when it copies nothing."""

    machine: str
    openssl: str
    date: str
    source: str
    versions: Mapping[str, str]
    rows: tuple[Row, ...]
    failed: tuple[Failure, ...] = ()
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)
    imports_rss_mb: float | None = None

    def row(self, engine: str, scenario: str) -> Row | None:
        """Return an engine's row of a scenario, or None if it has none."""
        return next((row for row in self.rows if (row.engine, row.scenario) == (engine, scenario)), None)


Figures = TypeVar("Figures", Row, Failure, Results)


def summarised(runs: Sequence[Run]) -> tuple[tuple[Row, ...], tuple[Failure, ...]]:
    """Return one row for each engine and scenario that succeeded at least once, and every failure. Order is kept."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.why is None and run.size:
            groups.setdefault((run.engine, run.scenario), []).append(run)
    failures = (Failure(run.engine, run.scenario, run.why) for run in runs if run.why is not None)
    return tuple(_row(group) for group in groups.values()), tuple(failures)


def _row(runs: Sequence[Run]) -> Row:
    first, gib = runs[0], runs[0].size / _GIB
    cpu, wall = [run.cpu_s for run in runs], [run.wall_s for run in runs]
    transfer = [run.transfer_s for run in runs if run.transfer_s is not None]
    return Row(
        engine=first.engine,
        scenario=first.scenario,
        gib=_rounded(gib),
        cpu_s_per_gib=_rounded(statistics.median(cpu) / gib),
        wall_s=_rounded(statistics.median(wall)),
        mb_s=_rounded(first.size / 1e6 / statistics.median(wall)),
        peak_rss_mb=_rounded(statistics.median(run.peak_rss_mb for run in runs)),
        rounds=len(runs),
        cpu_s=_rounded(statistics.median(cpu)),
        cpu_s_per_gib_min=_rounded(min(cpu) / gib),
        cpu_s_per_gib_max=_rounded(max(cpu) / gib),
        wall_s_min=_rounded(min(wall)),
        wall_s_max=_rounded(max(wall)),
        sink_cpu_s_per_gib=_rounded(statistics.median(run.sink_cpu_s for run in runs) / gib),
        source_cpu_s_per_gib=_rounded(statistics.median(run.source_cpu_s for run in runs) / gib),
        transfer_s=_rounded(statistics.median(transfer)) if transfer else None,
    )


def _rounded(figure: float) -> float:
    """Four digits that count: what lies below is noise, and 1 MiB is a thousandth of a GiB."""
    return float(f"{figure:.4g}")


def write(results: Results, goals: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the file whole or not at all; ``goals`` go in beside the rows. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {**dataclasses.asdict(results), "goals": list(goals)}
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
        # Readable for everyone, as any other file of the repository: mkstemp's are the owner's alone.
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def read(path: Path) -> Results:
    """Read what ``write`` wrote; keys that are not known are passed over. Raises ``BadResults`` or ``OSError``."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(_known(Row, entry) for entry in document["rows"])
        failed = tuple(_known(Failure, entry) for entry in document["failed"])
        return _known(Results, {**document, "rows": rows, "failed": failed})
    except (ValueError, KeyError, TypeError) as error:
        raise BadResults(f"{path} is not the benchmark's results: {error}") from None


def _known(kind: type[Figures], entry: Mapping[str, Any]) -> Figures:
    return kind(**{field.name: entry[field.name] for field in dataclasses.fields(kind)})
