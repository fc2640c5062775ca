"""Gathers a run's report: the manifest says which media, the tracker says what became of them.

The index may lag behind by seconds, so whatever it shows as unfinished or does not show at all is read again, strongly
consistent, before it counts as a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from cloud_sync_common.rules.report import SKIPPED, Ending, Findings, build_report, classify, entry

UNSURE = frozenset({Outcome.FAILED.value, Outcome.ALREADY_SYNCED.value})
"""Verdicts that a lagging index may have caused."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """Builds the report of a run that is over. Only reads."""

    tracker: Tracker
    ledger: RunLedger
    runs: RunsBucket
    now: Callable[[], int]

    def build(self, execution: Execution, error: Mapping[str, Any]) -> tuple[dict[str, Any], Ending]:
        """The report, and what stopped the run if anything did.

        Its counts are those of the listing's summary and the manifest, whatever happened.
        """
        run_id = execution.run_id
        ending = ending_of(error, self.ledger.run(run_id))
        findings = Findings(run_id, self._seconds(execution), ending=ending)
        summary = self.runs.get_json(run_key(run_id, "summary.json"))
        if summary is not None:
            self._add_listing(findings, summary)
            self._add_media(findings, self.runs.get_json(run_key(run_id, "manifest.json")) or [], ending)
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
        for skipped in summary["skipped"]:
            findings.media.append(entry(skipped["media_id"], skipped["filename"], SKIPPED, skipped["reason"], ()))

    def _add_media(self, findings: Findings, manifest: list[Mapping[str, Any]], ending: Ending) -> None:
        media, pieces = self._touched(findings.run_id)
        unsure = [
            MediaId(item["media_id"])
            for item in manifest
            if classify(media.get(item["media_id"]), findings.run_id, ending)[0] in UNSURE
        ]
        media.update(self.tracker.media(unsure))
        for item in manifest:
            media_id = item["media_id"]
            row = media.get(media_id)
            status, reason = classify(row, findings.run_id, ending)
            if row is not None and row.get("run_id") == findings.run_id:
                findings.bytes_transferred += row.get("bytes_transferred", 0)
            files = self._pieces(media_id, status, row or {}, pieces.get(media_id, []))
            findings.media.append(entry(media_id, item["filename"], status, reason, files))

    def _touched(self, run_id: str) -> tuple[dict[MediaId, Row], dict[str, list[Row]]]:
        media: dict[MediaId, Row] = {}
        pieces: dict[str, list[Row]] = {}
        for row in self.tracker.touched_by(run_id):
            if row["record"] == MEDIUM:
                media[MediaId(row["media_id"])] = row
            elif "piece_id" in row:
                pieces.setdefault(row["media_id"], []).append(row)
        return media, pieces

    def _pieces(self, media_id: str, status: str, row: Row, seen: list[Row]) -> list[Row]:
        """The medium's pieces; those that an earlier run archived, or that the index lacks, are read from the table."""
        proven = sum(piece.get("status") == Status.COMPLETED for piece in seen)
        if status != Outcome.COMPLETED.value or proven >= row.get("piece_count", 0):
            return seen
        return list(self.tracker.pieces(MediaId(media_id)).values())
