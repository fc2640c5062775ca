"""Gathers a run's report: the manifest says which media, the tracker says what became of them.

The index may lag behind by seconds, so whatever it shows as unfinished or does not show at all is read again, strongly
consistent, before it counts as a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket, run_key
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import MEDIUM, Tracker
from cloud_sync_common.models import MediaId, Outcome, Status
from cloud_sync_common.rules.advice import ending_of
from cloud_sync_common.rules.events import Execution
from cloud_sync_common.rules.report import (
    SKIPPED,
    Ending,
    Findings,
    build_report,
    classify,
    entry,
    tell,
)

UNSURE = frozenset({Outcome.FAILED.value, Outcome.ALREADY_SYNCED.value})
"""Verdicts that a lagging index may have caused."""
READERS = 8
"""Threads that read pieces out of the tracker."""
AT_ONCE = 1_000
"""Media whose pieces are asked for together: a large run's must not all be in memory twice."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """Builds the report of a run that is over. Only reads."""

    tracker: Tracker
    ledger: RunLedger
    runs: RunsBucket
    now: Callable[[], int]
    not_ready_alarm_days: int

    def build(self, execution: Execution, error: Mapping[str, Any]) -> tuple[dict[str, Any], Ending]:
        """The report, and what stopped the run if anything did.

        Its counts are those of the listing's summary and the manifest, whatever happened.
        """
        run_id = execution.run_id
        ending = ending_of(error, self.ledger.run(run_id))
        findings = Findings(run_id, self._seconds(execution), alarm_days=self.not_ready_alarm_days, ending=ending)
        summary = self.runs.get_json(run_key(run_id, "summary.json"))
        if summary is not None:
            self._add_listing(findings, summary)
            self._add_media(findings, self.runs.get_json(run_key(run_id, "manifest.json")) or [])
        return build_report(findings), ending

    def _seconds(self, execution: Execution) -> int:
        started = datetime.fromisoformat(execution.started_at)
        if started.tzinfo is None:
            started = started.replace(tzinfo=UTC)
        return max(0, self.now() - int(started.timestamp()))

    def _add_listing(self, findings: Findings, summary: Mapping[str, Any]) -> None:
        findings.listed = summary["listed"]
        findings.already_synced = summary["already_synced"]
        findings.missing = summary["missing"]
        findings.problems = summary["problems"]
        findings.unknown = summary["unknown"]
        findings.library = summary.get("library", {})
        findings.gone_from_gopro = summary.get("gone_from_gopro", [])
        for skipped in summary["skipped"]:
            findings.media.append(entry(skipped["media_id"], skipped["filename"], SKIPPED, skipped["reason"], ()))

    def _add_media(self, findings: Findings, manifest: list[Mapping[str, Any]]) -> None:
        media = self._touched(findings.run_id)
        unsure = [
            MediaId(item["media_id"])
            for item in manifest
            if classify(media.get(item["media_id"]), findings.run_id, findings.ending)[0] in UNSURE
        ]
        media.update(self.tracker.media(unsure))
        with ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="report") as pool:
            for start in range(0, len(manifest), AT_ONCE):
                items = manifest[start : start + AT_ONCE]
                rows = [media.pop(MediaId(item["media_id"]), None) for item in items]
                pieces = pool.map(lambda row: self._pieces(row, findings.run_id), rows)
                for item, row, files in zip(items, rows, pieces, strict=True):
                    if row is not None and row.get("run_id") == findings.run_id:
                        findings.bytes_transferred += row.get("bytes_transferred", 0)
                    findings.media.append(tell(item, row, files, findings, self.now()))

    def _pieces(self, row: Row | None, run_id: str) -> list[Row]:
        """All pieces of a medium that this run has brought to an end, whichever run archived them."""
        if row is None or row.get("run_id") != run_id or row.get("status") not in (Status.COMPLETED, Status.FAILED):
            return []
        return list(self.tracker.pieces(MediaId(row["media_id"])).values())

    def _touched(self, run_id: str) -> dict[MediaId, Row]:
        return {MediaId(row["media_id"]): row for row in self.tracker.touched_by(run_id) if row["record"] == MEDIUM}
