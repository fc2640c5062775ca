"""The results as text of at most 120 columns."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.engines import OURS
from benchmarks.goals import Goal
from benchmarks.results import Failure, Results, Row
from benchmarks.scenarios import Scenario

WIDTH = 120
_COLUMNS = ("x ours", "wall s (min-max)", "x ours", "MB/s", "RSS MB", "sink", "source", "runs")
# Below this a figure for each GiB says nothing, for start-up is most of it.
_SMALL_GIB = 0.05


def rendered(
    results: Results, scenarios: Sequence[Scenario], goals: Sequence[Goal], missing: Mapping[str, str], rounds: int
) -> str:
    """Return head, one table for each scenario, what was left out or failed, and the goals."""
    lines = [
        f"machine   {results.machine}",
        f"openssl   {results.openssl} (of the Python that runs ours)",
        f"source    {results.source}; versions: {_listed(results.versions)}",
        f"rounds    {rounds}, interleaved; medians; CPU of the whole process tree, sink's and source's apart",
        *(f"missing   {name}: {how}" for name, how in missing.items()),
        *(f"skipped   {name}: {why}" for name, why in results.skipped.items()),
    ]
    tables = [_table(each, results, rounds) for each in scenarios if each.name not in results.skipped]
    failed = _failures(results.failed)
    shown = ["goals (issue 6)", *(goal.line() for goal in goals)]
    return "\n".join([*_folded(lines), "", *tables, *_folded(failed), *_folded(shown), ""])


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _table(scenario: Scenario, results: Results, rounds: int) -> str:
    reference = next((results.row(OURS, trial.scenario) for trial in scenario.trials if trial.engine == OURS), None)
    table = Table(title=_title(scenario), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_column("engine", no_wrap=True)
    whole = any(trial.size < _SMALL_GIB * 1024**3 for trial in scenario.trials)
    for column in ("CPU s (min-max)" if whole else "CPU s/GiB (min-max)", *_COLUMNS):
        table.add_column(column, justify="right", no_wrap=True)
    for trial in scenario.trials:
        row = results.row(trial.engine, trial.scenario)
        name = _name(trial.engine, trial.scenario, scenario)
        if row is not None:
            table.add_row(name, *_cells(row, None if scenario.name == "memory" else reference, rounds, whole=whole))
        elif trial.size:
            table.add_row(name, "failed", *[""] * (len(_COLUMNS) - 1), f"0/{rounds}")
    if scenario.name == "memory" and results.imports_rss_mb is not None:
        table.add_row("imports alone", "", "", "", "", "", f"{results.imports_rss_mb:.1f}", "", "", "")
    return _text(table)


def _title(scenario: Scenario) -> str:
    sizes = sorted({trial.size for trial in scenario.trials if trial.size})
    size = _size(sizes[0]) if len(sizes) == 1 else f"{_size(sizes[0])} to {_size(sizes[-1])}"
    return f"{scenario.name}: {scenario.what} ({size})"


def _size(size: int) -> str:
    return f"{size / 1024**3:.4g} GiB" if size >= 1024**3 else f"{size / 1024**2:.4g} MiB"


def _name(engine: str, scenario: str, family: Scenario) -> str:
    """Name the engine, and what its row varies: ``ours, 4 workers``, ``ours, 16GiB``."""
    varied = scenario.removeprefix(family.name).removeprefix("limited").removeprefix("-20MBps")
    varied = varied.strip("-").replace("-", " ")
    return f"{engine}, {varied}" if varied else engine


def _cells(row: Row, reference: Row | None, rounds: int, *, whole: bool) -> list[str]:
    scale = row.gib if whole else 1.0
    cpu = (row.cpu_s_per_gib * scale, row.cpu_s_per_gib_min * scale, row.cpu_s_per_gib_max * scale)
    return [
        _spread(*cpu),
        _ratio(row.cpu_s_per_gib, None if reference is None else reference.cpu_s_per_gib),
        _spread(row.wall_s, row.wall_s_min, row.wall_s_max),
        _ratio(row.wall_s, None if reference is None else reference.wall_s),
        f"{row.mb_s:.0f}",
        f"{row.peak_rss_mb:.1f}",
        _figure(row.sink_cpu_s_per_gib * scale),
        _figure(row.source_cpu_s_per_gib * scale),
        f"{row.rounds}/{rounds}",
    ]


def _spread(median: float, least: float, most: float) -> str:
    return f"{_figure(median)} ({_figure(least)}-{_figure(most)})"


def _ratio(theirs: float, ours: float | None) -> str:
    return _figure(theirs / ours) if ours else "-"


def _figure(figure: float) -> str:
    """Three digits that count, for the table's sake."""
    return f"{figure:.{2 if figure < 10 else 1 if figure < 100 else 0}f}"


def _failures(failed: Sequence[Failure]) -> list[str]:
    times = Counter(f"  {each.scenario}, {each.engine}: {each.why}" for each in failed)
    lines = [f"{line} ({count} times)" if count > 1 else line for line, count in times.items()]
    return ["failed runs, in no figure above", *lines, ""] if lines else []


def _folded(lines: Sequence[str]) -> list[str]:
    """Break what is longer than the width; a line goes on below its own second word."""
    folded = []
    for line in lines:
        rest, indent = line, ""
        while len(rest) > WIDTH:
            at = rest.rfind(" ", len(indent) + 20, WIDTH)
            at = WIDTH if at < 0 else at
            folded.append(rest[:at])
            indent = " " * 10
            rest = indent + rest[at:].lstrip()
        folded.append(rest)
    return folded


def _text(table: Table) -> str:
    target = io.StringIO()
    Console(file=target, width=WIDTH, color_system=None, force_terminal=False).print(table)
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines())
