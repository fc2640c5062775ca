"""What one execution of the state machine came to, and whether its own report can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PARTS_OF_LISTED = ("completed", "already_synced", "not_ready", "source_deleted", "failed", "skipped")
COUNTS = ("listed", *PARTS_OF_LISTED)


@dataclass(frozen=True, slots=True)
class RunResult:
    """One execution: what Step Functions says of it, and the report that the pipeline wrote (``None``: it wrote none).

    ``seconds`` is wall time as the sandbox measured it; ``arrived`` are the bytes that the archive bucket received,
    parts that were sent twice included. ``failed_children`` counts the executions below this one that failed, by their
    errors: a Map tolerates some, and the report does not tell of them.
    """

    number: int
    execution: str
    succeeded: bool
    seconds: float
    arrived: int
    error: str = ""
    output: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] | None = None
    report_text: str = ""
    failed_children: Mapping[str, int] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The report's status; without a report the output's, or FAILED."""
        for source in (self.report or {}, self.output):
            if self.succeeded and source.get("status"):
                return str(source["status"])
        return "FAILED"

    @property
    def counts(self) -> dict[str, int]:
        """The report's counts; all 0 without a report."""
        counts = (self.report or {}).get("counts") or {}
        return {name: int(counts.get(name, 0)) for name in COUNTS}

    @property
    def bytes_transferred(self) -> int:
        """What the report says was copied, in bytes."""
        return int((self.report or {}).get("bytes_transferred", 0))

    def as_json(self) -> dict[str, Any]:
        """For the last line of ``--json``."""
        return {
            "run": (self.report or self.output).get("run", self.execution.rpartition(":")[2]),
            "status": self.status,
            "counts": self.counts,
            "bytes": self.bytes_transferred,
            "seconds": round(self.seconds, 1),
        }

    def problems(self) -> list[str]:
        """Why this execution is no success, each in one sentence; empty when it is one."""
        if not self.succeeded:
            return [f"run {self.number} failed: {self.error}"]
        if self.report is None:
            return [f"run {self.number} wrote no report: {self.output.get('reason') or self.status}"]
        return [f"run {self.number}: {problem}" for problem in (*self._sum_problems(), *self._media_problems())]

    def _sum_problems(self) -> list[str]:
        counts = self.counts
        total = sum(counts[name] for name in PARTS_OF_LISTED)
        if total == counts["listed"]:
            return []
        return [f"the report does not add up: {counts['listed']} media listed, {total} accounted for"]

    def _media_problems(self) -> list[str]:
        """The report must name every medium but those that were synced before."""
        counts = self.counts
        named = len((self.report or {}).get("media") or [])
        expected = counts["listed"] - counts["already_synced"]
        if named == expected:
            return []
        return [f"the report names {named} media instead of {expected}"]


def reported_completed(runs: Sequence[RunResult]) -> set[str]:
    """The ids of all media that some run's report calls COMPLETED; those gone at the source have their own status."""
    return {
        str(medium["media_id"])
        for run in runs
        for medium in (run.report or {}).get("media") or []
        if medium.get("status") == "COMPLETED"
    }
