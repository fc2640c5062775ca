"""The end of a run, for people: report, bucket, functions, what was not emulated; and for programs: one JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.table import Table

from sandbox.run import words
from sandbox.run.comparison import Comparison
from sandbox.run.documents import DescribedObject
from sandbox.run.kept_files import KeptFiles
from sandbox.run.results import COUNTS, RunResult

_MAX_ROWS = 40
"""Rows of a table on the screen; everything is in ``--out``."""

_MAX_LINES = 120
"""Lines of the report on the screen."""

_TRACED_MEDIA = 3
"""Media in the trace on the screen."""

_TIMES = ("import ms", "init ms", "cold ms", "warm ms", "warm min")
"""Columns of milliseconds."""

_PLAIN_WIDTH = 160
"""Columns where there is no terminal to ask: wide enough for an object's key and checksum."""


class FunctionNumbers(Protocol):
    """What the sandbox measured of one function."""

    @property
    def cold(self) -> int:
        """Invocations that started a process."""

    @property
    def warm(self) -> int:
        """Invocations that found one."""

    @property
    def import_ms_median(self) -> float:
        """Median of what the import of the handler's module took, in milliseconds; 0.0 without any."""

    @property
    def init_ms_median(self) -> float:
        """Median from the start of a process to its readiness, that import included; 0.0 without any."""

    @property
    def cold_ms_median(self) -> float:
        """Median of the invocations that started a process, that start included, in milliseconds."""

    @property
    def warm_ms_median(self) -> float:
        """Median of the other invocations, in milliseconds."""

    @property
    def warm_ms_least(self) -> float:
        """The quickest of them: no more than that is what an invocation costs beside its work."""

    @property
    def peak_mb(self) -> float:
        """Largest resident memory of any of its processes, in MB."""

    @property
    def errors(self) -> int:
        """Invocations that ended in an error, whatever the reason."""


class PermissionLines(Protocol):
    """What the permissions check has found."""

    @property
    def ungranted(self) -> Sequence[object]:
        """Calls that were not granted."""

    def lines(self) -> list[str]:
        """Everything worth telling, a line each."""


class NotEmulatedEntry(Protocol):
    """One property of the template, or one behaviour, that this machine does not have."""

    @property
    def type(self) -> str:
        """Resource type or subsystem."""

    @property
    def why(self) -> str:
        """The reason in words."""


class Summary:
    """Prints to one stream; tables are drawn, never wrapped lines of a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = Console(file=stream, highlight=False, markup=False)
        if not self._console.is_terminal:
            self._console = Console(file=stream, highlight=False, markup=False, width=_PLAIN_WIDTH)

    def runs(self, runs: Sequence[RunResult]) -> None:
        """The last run's report, and a line for each run when there were several."""
        last = runs[-1]
        self._line("")
        self._report(last.report_text or f"Run {last.number}: {last.status}; it wrote no report. {last.error}")
        if len(runs) > 1:
            self._line("")
            for run in runs:
                self._line(run_line(run))

    def bucket(self, objects: Sequence[DescribedObject]) -> None:
        """What the archive bucket holds."""
        table = _table(f"Archive bucket: {words.plural(len(objects), 'object')}", "key", "size", "class", "CRC64NVME")
        for each in objects[:_MAX_ROWS]:
            checksum = each.checksums.get("CRC64NVME", "none")
            table.add_row(each.key, words.size(each.size), each.storage_class, checksum)
        self._show(table, len(objects) - _MAX_ROWS)

    def functions(self, stats: Mapping[str, FunctionNumbers], own_peak_mb: float) -> None:
        """Starts, times and memory of the functions, and the memory of the sandbox itself."""
        table = _table("Functions", "function", "cold", "warm", *_TIMES, "peak MB", "errors")
        for name, numbers in sorted(stats.items()):
            table.add_row(
                name,
                str(numbers.cold),
                str(numbers.warm),
                _measured(numbers.import_ms_median, numbers.import_ms_median),
                _measured(numbers.init_ms_median, numbers.init_ms_median),
                _measured(numbers.cold_ms_median, numbers.cold),
                _measured(numbers.warm_ms_median, numbers.warm),
                _measured(numbers.warm_ms_least, numbers.warm),
                _measured(numbers.peak_mb, numbers.cold + numbers.warm),
                str(numbers.errors),
            )
        self._show(table)
        self._line("import: of the handler's module; init: from the process's start until it waits for its first event")
        self._line(f"The sandbox's own process, all its servers included: peak {own_peak_mb:.0f} MB")

    def traces(self, run: int, lines: Callable[[int], Sequence[str]]) -> None:
        """What took how long in the last run; ``lines`` gives so many of the slowest media."""
        self._line(f"\nTrace of run {run} (the slowest media; more of them in traces.txt with --out DIR)")
        self._line("\n".join(lines(_TRACED_MEDIA)))

    def permissions(self, report: PermissionLines) -> None:
        """Calls that no role grants, and grants that nobody used."""
        verdict = "some calls were not granted" if report.ungranted else "every call was granted by its caller's role"
        self._line(f"\nPermissions: {verdict}")
        for line in report.lines():
            self._line(f"  {line}")

    def faults(self, lines: Sequence[str]) -> None:
        """What was injected; nothing for a run without faults."""
        if lines:
            self._line("\n" + "\n".join(lines))

    def not_emulated(self, entries: Iterable[NotEmulatedEntry]) -> None:
        """What this run says nothing about, by reason."""
        kinds: dict[str, set[str]] = {}
        for entry in entries:
            kinds.setdefault(entry.why, set()).add(entry.type.removeprefix("AWS::").replace("::", " "))
        table = _table("Not emulated", "what is the case", "for")
        for why, found in sorted(kinds.items()):
            table.add_row(why, ", ".join(sorted(found)))
        self._show(table)

    def comparison(self, comparison: Comparison, failed: int = 0) -> None:
        """Whether the archive is what the source served, and how many media that says nothing about."""
        new = comparison.objects - comparison.earlier_objects
        media = words.plural(comparison.media - comparison.earlier_media, "medium", "media")
        result = "equal" if comparison.equal else words.plural(len(comparison.problems), "difference")
        told = f"{words.plural(new, 'object')} of {media}: {result}" if new or not comparison.equal else "nothing new"
        by = {"checksum": "size and checksum"}.get(comparison.by, comparison.by)
        before = words.plural(comparison.earlier_objects, "object")
        earlier = f" ({before} compared in earlier runs)" if comparison.earlier_objects else ""
        missing = f"; {words.plural(failed, 'medium', 'media')} failed, see the report" if failed else ""
        self._line(f"Compared by {by}: {told}{earlier}{missing}")

    def files(self, kept: KeptFiles | None) -> None:
        """Where a kept account's objects are as files; nothing for a run that keeps none."""
        if kept:
            self._line(kept.line())

    def json(self, document: Mapping[str, Any]) -> None:
        """The last line."""
        self._line(json.dumps(document))

    def _report(self, text: str) -> None:
        lines = text.strip().splitlines()
        self._line("\n".join(lines[:_MAX_LINES]))
        if len(lines) > _MAX_LINES:
            self._line(f"... and {len(lines) - _MAX_LINES} more lines (all of them with --out DIR)")

    def _show(self, table: Table, hidden: int = 0) -> None:
        self._line("")
        self._console.print(table)
        if hidden > 0:
            self._line(f"... and {hidden} more (all of them with --out DIR)")

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        numeric = column in {"size", "cold", "warm", *_TIMES, "peak MB", "errors", "times"}
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    return table


def _measured(value: float, times: float) -> str:
    """A number that was never measured is none: 0 would be one."""
    return f"{value:.0f}" if times else "-"


def run_line(run: RunResult) -> str:
    """One run in one line."""
    counts = run.counts
    line = f"run {run.number}: {run.status} in {run.seconds:.1f} s, copied {words.size(run.bytes_transferred)}"
    if run.report is None:
        return line
    if run.bytes_transferred == 0 and run.arrived == 0 and counts["already_synced"]:
        return f"run {run.number} copied 0 bytes: everything was already synced ({counts['already_synced']} media)"
    return f"{line}; " + ", ".join(f"{counts[name]} {name.replace('_', ' ')}" for name in COUNTS)


def json_document(
    runs: Sequence[RunResult],
    comparison: Comparison,
    stats: Mapping[str, FunctionNumbers],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The object of ``--json``: the last run's result at the top, every run below ``runs``, ``facts`` as they are."""
    last = runs[-1].as_json()
    return {
        **{name: last[name] for name in ("status", "counts", "bytes", "seconds")},
        "functions": {
            name: {
                "cold": numbers.cold,
                "warm": numbers.warm,
                "import_ms": round(numbers.import_ms_median),
                "init_ms": round(numbers.init_ms_median),
                "cold_ms": round(numbers.cold_ms_median),
                "warm_ms": round(numbers.warm_ms_median),
                "warm_ms_least": round(numbers.warm_ms_least),
                "peak_mb": round(numbers.peak_mb, 1),
                "errors": numbers.errors,
            }
            for name, numbers in sorted(stats.items())
        },
        "runs": [run.as_json() for run in runs],
        "compared": comparison.as_json(),
        **facts,
    }
