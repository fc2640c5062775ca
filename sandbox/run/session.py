"""The story of ``sandbox run``: set the stage, run the pipeline, gather the evidence, judge, tell."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

from sandbox.run.comparison import Comparison, compare
from sandbox.run.display import Display, open_display
from sandbox.run.errors import SandboxError
from sandbox.run.evidence import write_evidence, write_objects
from sandbox.run.execution import execute
from sandbox.run.interrupts import interruptible
from sandbox.run.leaks import find_leaks
from sandbox.run.options import RunOptions
from sandbox.run.out_folder import WORK, out_folder
from sandbox.run.phases import Phases
from sandbox.run.preflight import check_reachable, check_settings
from sandbox.run.results import RunResult, reported_completed
from sandbox.run.stage import Stage, open_stage
from sandbox.run.summary import Summary, json_document
from sandbox.run.verdict import problems, sentence, unlisted


def run_session(options: RunOptions, stream: TextIO = sys.stdout, clock: Callable[[], float] = time.monotonic) -> int:
    """Run the pipeline as asked and return 0; raises ``SandboxError`` with the sentence for every other end.

    Whatever happens, Ctrl-C included, no process, port or temporary file is left.
    """
    check_settings(options.settings)
    if options.remote is not None:
        check_reachable(options.remote.url)
    with (
        interruptible() as interrupts,
        _folders(options.out) as (work, evidence),
        closing(open_display(stream, clock, live=not options.as_json)) as display,
        open_stage(options, work, Phases(display, clock), interrupts.defer) as stage,
    ):
        found = _run_and_tell(options, stage, evidence, display, Summary(stream), clock)
    if found:
        raise SandboxError(sentence(found))
    return 0


def _run_and_tell(
    options: RunOptions, stage: Stage, evidence: Path, display: Display, summary: Summary, clock: Callable[[], float]
) -> list[str]:
    """The run itself, up to the last line of output; what is wrong with it comes back."""
    runs = [execute(stage, number, options.input, display, clock) for number in range(1, options.runs + 1)]
    display.close()
    rows = stage.account.tracker_rows()
    comparison = compare(stage.archive(), rows, reported_completed(runs), stage.source.served)
    write_evidence(evidence, stage, runs, rows)
    leaks = find_leaks(evidence, cookies=stage.source.cookies, tokens=stage.source.tokens)
    if options.out is not None:
        write_objects(evidence, stage)
    _tell(summary, stage, runs, comparison, as_json=options.as_json)
    return [
        *problems(runs, comparison, leaks, stage.source.violations()),
        *unlisted(runs, stage.source.library_size, options.input),
    ]


def _tell(summary: Summary, stage: Stage, runs: list[RunResult], comparison: Comparison, *, as_json: bool) -> None:
    stats, not_emulated = stage.function_stats(), stage.deployment.not_emulated
    summary.runs(runs)
    summary.bucket(stage.archive())
    summary.functions(stats)
    summary.not_emulated(not_emulated)
    summary.comparison(comparison)
    if as_json:
        summary.json(json_document(runs, comparison, stats, len(not_emulated)))


@contextmanager
def _folders(out: Path | None) -> Iterator[tuple[Path, Path]]:
    """A folder to work in, removed at the end, and the one for the evidence, which ``--out`` keeps.

    The work is done inside of ``--out``, so that its objects become links instead of copies.
    """
    if out is None:
        with tempfile.TemporaryDirectory(prefix="gopro-sandbox-") as folder:
            (Path(folder) / "evidence").mkdir()
            yield Path(folder), Path(folder) / "evidence"
        return
    with out_folder(out) as evidence:
        work = evidence / WORK
        work.mkdir()
        try:
            yield work, evidence
        finally:
            shutil.rmtree(work)
