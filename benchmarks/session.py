"""One whole call of the benchmark: the stages, the rounds, the table, the file."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.cli import Options
from benchmarks.engines import IMPORTS, OURS, Engine, engines, imports_alone, versions
from benchmarks.goals import goals
from benchmarks.results import LATEST, Results, Run, summarised, write
from benchmarks.rounds import run_scenario
from benchmarks.scenarios import Scenario, chosen_scenarios
from benchmarks.shares import shares_available
from benchmarks.stage import Stage
from benchmarks.table import rendered


class CannotMeasure(Exception):
    """There is nothing to measure; one line that says why."""


def run_session(options: Options) -> int:
    """Measure, print, write; return 0 if ours was right in every run, else 1."""
    missing = {name: how for name in options.engines if (how := engines()[name].missing()) is not None}
    present = {name: engines()[name] for name in options.engines if name not in missing}
    scenarios = chosen_scenarios(options.scenarios, present, size=options.size, largest=options.largest)
    if not scenarios:
        lacking = [f"{name} is not installed: {how}" for name, how in missing.items()]
        raise CannotMeasure("; ".join(lacking) or "none of these engines is part of these scenarios")
    skipped = _impossible(scenarios)
    possible = [each for each in scenarios if each.name not in skipped]
    runs, source = _run_all(possible, {**present, IMPORTS: imports_alone()}, options.rounds)
    results = _results(runs, source, list(present.values()), skipped)
    reached = goals(results)
    sys.stdout.write(rendered(results, scenarios, reached, missing, options.rounds))
    wrong = any(failure.engine in (OURS, IMPORTS) for failure in results.failed)
    target = None if wrong and options.out == LATEST else options.out
    if target is not None:
        write(results, [goal.document() for goal in reached], target)
    sys.stdout.write(_written(target, wrong=wrong))
    return 1 if wrong else 0


def _impossible(scenarios: list[Scenario]) -> dict[str, str]:
    limited = [each.name for each in scenarios if each.share is not None]
    why = shares_available() if limited else None
    return {} if why is None else dict.fromkeys(limited, why)


def _run_all(scenarios: list[Scenario], present: Mapping[str, Engine], rounds: int) -> tuple[list[Run], str]:
    runs: list[Run] = []
    kinds: dict[str, None] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        stages: dict[int | None, Stage] = {}
        for scenario in scenarios:
            limit = scenario.bytes_per_second
            if limit not in stages:
                place = folder / f"stage-{len(stages)}"
                place.mkdir()
                stages[limit] = stack.enter_context(Stage(place, bytes_per_second=limit))
            kinds[stages[limit].source_kind] = None
            runs += run_scenario(scenario, stages[limit], present, rounds, tell=_tell)
    return runs, ", ".join(kinds) or "none"


def _results(runs: list[Run], source: str, present: list[Engine], skipped: Mapping[str, str]) -> Results:
    rows, failed = summarised(runs)
    imports = sorted(run.peak_rss_mb for run in runs if run.engine == IMPORTS and run.why is None)
    curl = machine.curl()
    used = versions(present) | ({"curl": curl} if curl and any("curl" in each.programs for each in present) else {})
    return Results(
        machine=machine.machine(),
        openssl=machine.openssl(),
        date=datetime.now(UTC).date().isoformat(),
        source=source,
        versions=used,
        rows=rows,
        failed=failed,
        skipped=skipped,
        imports_rss_mb=imports[len(imports) // 2] if imports else None,
    )


def _written(target: Path | None, *, wrong: bool) -> str:
    if target is not None:
        return f"written to {target}\n"
    if wrong:
        return "not written: ours failed\n"
    return "not written: not a whole run (--out FILE writes it)\n"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
