"""The run's report: what became of every distinct medium that was listed. Pure; shapes in ``docs/ARCHITECTURE.md``.

The promise of design.md 1: listed = completed + already synced + not ready + source deleted + failed + skipped, or the
run fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cloud_sync_common.models import Outcome, Status
from cloud_sync_common.rules.media_rows import SOURCE_DELETED, is_synced

COUNTS = ("listed", "completed", "already_synced", "not_ready", "source_deleted", "failed", "skipped")
SKIPPED = "SKIPPED"
CHANGED, PROXY, INCOMPLETE, OVERDUE = "changed", "proxy", "side_files_missing", "overdue"
"""Remarks on a medium: GoPro has another version than the archived one, which is kept; GoPro has no original; not all
side files could be had; GoPro has been at it for ``not_ready_alarm_days`` or more."""

_COUNT_OF = {
    Outcome.COMPLETED.value: "completed",
    Outcome.ALREADY_SYNCED.value: "already_synced",
    Outcome.NOT_READY.value: "not_ready",
    Outcome.SOURCE_DELETED.value: "source_deleted",
    Outcome.FAILED.value: "failed",
    SKIPPED: "skipped",
}


class RunStatus(StrEnum):
    """How a run ended. PARTIAL: the run is sound, and some media failed or may not have been listed."""

    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class Ending:
    """What stopped the run, if anything did: the error's name and one sentence."""

    error: str = ""
    reason: str = ""


@dataclass(slots=True)
class Findings:
    """Everything that the report is made of."""

    run_id: str
    seconds: int
    listed: int = 0
    already_synced: int = 0
    missing: int = 0
    problems: int = 0
    unknown: int = 0
    bytes_transferred: int = 0
    media: list[dict[str, Any]] = field(default_factory=list)
    library: Mapping[str, Any] = field(default_factory=dict)
    gone_from_gopro: list[Mapping[str, Any]] = field(default_factory=list)
    alarm_days: int = 0
    ending: Ending = Ending()


def classify(row: Mapping[str, Any] | None, run_id: str, ending: Ending) -> tuple[str, str]:
    """Status and reason of a queued medium, from its row. Whatever is unfinished is a failure (design.md 3)."""
    if row is None:
        return Outcome.FAILED.value, _unfinished(ending)
    status = row.get("status")
    if status == Status.COMPLETED:
        return _completed(row, run_id, ending)
    if row.get("run_id") == run_id and status in (Status.NOT_READY, Status.FAILED):
        return str(status), str(row.get("reason", ""))
    return Outcome.FAILED.value, _unfinished(ending)


def _completed(row: Mapping[str, Any], run_id: str, ending: Ending) -> tuple[str, str]:
    """COMPLETED by an earlier run counts only if that is still all that GoPro lists, or this run has looked."""
    if row.get("completed_run_id") != run_id:
        if row.get("run_id") == run_id or _has_all_but_late_files(row):
            return Outcome.ALREADY_SYNCED.value, ""
        return Outcome.FAILED.value, _unfinished(ending)
    if row.get("note") == SOURCE_DELETED:
        return Outcome.SOURCE_DELETED.value, "GoPro no longer has this medium"
    return Outcome.COMPLETED.value, "a proxy: GoPro has no original" if row.get("fallback") else ""


def _has_all_but_late_files(row: Mapping[str, Any]) -> bool:
    """A medium that is only looked at again for late side files is archived, whether or not this run came to it."""
    facts = {name: value for name, value in row.items() if name != "side_files_due"}
    return is_synced(facts, str(row.get("signature")))


def tell(
    item: Mapping[str, Any],
    row: Mapping[str, Any] | None,
    pieces: Sequence[Mapping[str, Any]],
    findings: Findings,
    now: int,
) -> dict[str, Any]:
    """A queued medium's entry, from its rows; ``item`` is the manifest's, ``now`` in Unix seconds."""
    status, reason = classify(row, findings.run_id, findings.ending)
    said: dict[str, str] = {}
    if row is not None and status == Outcome.NOT_READY:
        days = days_waiting(row, now)
        reason += f" (for {days} {'day' if days == 1 else 'days'})" if days else ""
        if days >= findings.alarm_days:
            said[OVERDUE] = ""
    if row is not None and status == Outcome.COMPLETED:
        if row.get("fallback"):
            said[PROXY] = ""
        if any(piece.get("superseded_keys") and piece.get("run_id") == findings.run_id for piece in pieces):
            said[CHANGED] = "changed at GoPro: the older version is kept beside this one"
        if row.get("side_files_missing"):
            said[INCOMPLETE] = "side files missing: " + ", ".join(row["side_files_missing"])
    reason = "; ".join(filter(None, (reason, *said.values())))
    return entry(str(item["media_id"]), str(item["filename"]), status, reason, pieces, said)


def days_waiting(row: Mapping[str, Any], now: int) -> int:
    """Whole days since the first NOT_READY in a row."""
    return max(0, now - int(row.get("not_ready_since", now))) // 86_400


def entry(
    media_id: str,
    filename: str,
    status: str,
    reason: str,
    pieces: Iterable[Mapping[str, Any]],
    remarks: Iterable[str] = (),
) -> dict[str, Any]:
    """One medium of the report, its pieces in order."""
    ordered = sorted(pieces, key=lambda row: (str(row.get("label")), int(row.get("position", 0))))
    return {
        "media_id": media_id,
        "filename": filename,
        "status": status,
        "reason": reason,
        "remarks": list(remarks),
        "pieces": [
            {
                "piece": row["piece_id"],
                "key": row["key"],
                "size": row["size"],
                "crc64nvme": row["crc64nvme"],
                "quality": row["quality"],
            }
            for row in ordered
            if row.get("status") == Status.COMPLETED
        ],
    }


def build_report(findings: Findings) -> dict[str, Any]:
    """The report as a document; its status says FAILED when the sum does not hold."""
    counts = dict.fromkeys(COUNTS, 0)
    counts["listed"] = findings.listed
    counts["already_synced"] = findings.already_synced
    for medium in findings.media:
        counts[_COUNT_OF[medium["status"]]] += 1
    status, reason = _status(findings, counts)
    return {
        "run": findings.run_id,
        "status": status.value,
        "reason": reason,
        "counts": counts,
        "bytes_transferred": findings.bytes_transferred,
        "seconds": findings.seconds,
        "library": dict(findings.library),
        "gone_from_gopro": list(findings.gone_from_gopro),
        "media": [medium for medium in findings.media if medium["status"] != Outcome.ALREADY_SYNCED.value],
    }


def skipped_report(run_id: str, reason: str) -> dict[str, Any]:
    """The report of a run that did nothing, on purpose."""
    return {**build_report(Findings(run_id, 0)), "status": RunStatus.SKIPPED.value, "reason": reason}


def adds_up(counts: Mapping[str, int]) -> bool:
    """Whether every listed medium is accounted for exactly once."""
    return counts["listed"] == sum(counts[name] for name in COUNTS if name != "listed")


def _status(findings: Findings, counts: Mapping[str, int]) -> tuple[RunStatus, str]:
    if findings.ending.error:
        return RunStatus.FAILED, findings.ending.reason
    if not adds_up(counts):
        return RunStatus.FAILED, "the report does not add up: a listed medium is unaccounted for"
    reasons = []
    if not (counts["listed"] or findings.missing or findings.problems or findings.unknown):
        reasons.append("GoPro's library is empty: are these the cookies of the right account?")
    if counts["failed"]:
        reasons.append(f"{counts['failed']} {'medium' if counts['failed'] == 1 else 'media'} failed")
    overdue = sum(OVERDUE in medium["remarks"] for medium in findings.media)
    if overdue:
        what = "medium has" if overdue == 1 else "media have"
        reasons.append(f"{overdue} {what} not become ready at GoPro for {findings.alarm_days} days or more")
    if findings.missing:
        reasons.append(f"GoPro counts {findings.missing} more media than its listing showed")
    if not findings.library.get("settled", True):
        reasons.append("the library moved while it was listed: media may be missing from this run")
    if findings.problems:
        reasons.append(f"{findings.problems} rows of the listing name no medium")
    if findings.unknown:
        reasons.append(f"{findings.unknown} of the media_ids asked for are not in the library")
    return (RunStatus.PARTIAL, "; ".join(reasons)) if reasons else (RunStatus.SUCCEEDED, "")


def _unfinished(ending: Ending) -> str:
    return f"not finished: the run stopped ({ending.error})" if ending.error else "not finished by this run"
