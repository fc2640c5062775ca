"""Did the run succeed and was it proven? Every reason why not, in one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sandbox.run import words
from sandbox.run.comparison import Comparison
from sandbox.run.leaks import Leak
from sandbox.run.results import RunResult

_SHOWN = 3
"""Sentences on the one line; the rest is counted."""


def problems(
    runs: Sequence[RunResult], comparison: Comparison, leaks: Iterable[Leak], violations: Iterable[str]
) -> list[str]:
    """Everything that keeps the exit code from being 0, the most telling first."""
    return [
        *(problem for run in runs for problem in run.problems()),
        *comparison.problems,
        *(str(leak) for leak in leaks),
        *(f"the GoPro simulator saw what it must not: {violation}" for violation in violations),
    ]


def unlisted(runs: Sequence[RunResult], library_size: int | None, state_input: Mapping[str, object]) -> list[str]:
    """A run over everything must have listed the whole library; filters, and servers not ours, cannot be counted."""
    if library_size is None or state_input:
        return []
    return [
        f"run {run.number} listed {run.counts['listed']} of the library's {library_size} media"
        for run in runs
        if run.report is not None and run.status != "FAILED" and run.counts["listed"] != library_size
    ]


def failed_media(runs: Sequence[RunResult], *, disturbed: bool) -> list[str]:
    """Where nothing disturbs the simulator, no medium may fail; elsewhere a failed medium is the report's to tell."""
    if disturbed:
        return []
    return [
        f"run {run.number}: {words.plural(run.counts['failed'], 'medium', 'media')} failed; the report has the reasons"
        for run in runs
        if run.report is not None and run.status != "FAILED" and run.counts["failed"]
    ]


def sentence(found: Sequence[str]) -> str:
    """The problems on one line."""
    shown = "; ".join(found[:_SHOWN])
    more = len(found) - _SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown
