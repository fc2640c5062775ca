"""Did the run succeed and was it proven? Every reason why not, in one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sandbox.run import words
from sandbox.run.comparison import Comparison, Served
from sandbox.run.leaks import Leak
from sandbox.run.results import RunResult

_OWN_FAULT = frozenset({"States.Runtime", "States.DataLimitExceeded", "States.NoChoiceMatched"})
"""Errors of a child that come from the definition or from a handler's answer alone."""

_SHOWN = 3
"""Sentences on the one line; the rest is counted."""


def problems(
    runs: Sequence[RunResult], comparison: Comparison, leaks: Iterable[Leak], violations: Iterable[str]
) -> list[str]:
    """What the runs themselves, archive, evidence and simulator say against a run, the most telling first."""
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


def failed_media(runs: Sequence[RunResult], *, disturbed: bool, served: Served | None = None) -> list[str]:
    """Where nothing disturbs the simulator, no medium that it serves and no child of the Map may fail.

    Elsewhere both are the report's to tell, but for children that no disturbance can make fail like that.
    """
    sound = [run for run in runs if run.report is not None and run.status != "FAILED"]
    found = [problem for run in sound for problem in _failed_children(run, _OWN_FAULT if disturbed else None)]
    if disturbed:
        return found
    return found + [
        f"run {run.number}: {words.plural(failed, 'medium', 'media')} failed; the report has the reasons"
        for run in sound
        if (failed := run.counts["failed"] - _hopeless(run, served))
    ]


def _hopeless(run: RunResult, served: Served | None) -> int:
    """How many media have failed of which the library has no original to give: these must fail."""
    media = (run.report or {}).get("media") or []
    failed = (str(each.get("media_id")) for each in media if each.get("status") == "FAILED")
    return 0 if served is None else sum(not any(piece.required for piece in served(one)) for one in failed)


def _failed_children(run: RunResult, only: frozenset[str] | None) -> list[str]:
    return [
        f"run {run.number}: {words.plural(number, 'child', 'children')} of the Map failed with {error}, "
        "within its tolerance; history.json has the causes"
        for error, number in run.failed_children.items()
        if only is None or error in only
    ]


def sentence(found: Sequence[str]) -> str:
    """The problems on one line."""
    shown = "; ".join(found[:_SHOWN])
    more = len(found) - _SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown
