"""The run's report for people: the same facts as the JSON, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_sync_common.models import Outcome
from cloud_sync_common.rules.report import CHANGED, COUNTS, INCOMPLETE, OVERDUE, PROXY, SKIPPED

SHOWN_MOST = 50
"""Media shown by name under each heading; the JSON has them all."""

_REMARKS = {
    OVERDUE: "Not ready for too long",
    CHANGED: "Changed at GoPro, archived beside the older version",
    PROXY: "Without an original at GoPro: a proxy was archived",
    INCOMPLETE: "With side files missing",
}


def to_markdown(report: Mapping[str, Any]) -> str:
    """The same report for people."""
    counts = report["counts"]
    lines = [f"# Run {report['run']}: {report['status']}", ""]
    if report["reason"]:
        lines += [f"**{report['reason']}**", ""]
    lines += ["| | media |", "|---|---:|"]
    lines += [f"| {name.replace('_', ' ')} | {counts[name]:,} |" for name in COUNTS]
    lines += ["", f"{report['bytes_transferred']:,} bytes copied in {report['seconds']:,} s.", ""]
    lines += _balance(report["library"])
    media = report["media"]
    for remark, title in _REMARKS.items():
        lines += _section(title, [_named(one) for one in media if remark in one["remarks"]])
    for status in (Outcome.FAILED, Outcome.NOT_READY, Outcome.SOURCE_DELETED, Outcome.COMPLETED):
        lines += _section(_title(status.value), [_told(one) for one in media if one["status"] == status.value])
    lines += _section("Gone from GoPro", [_gone(one) for one in report["gone_from_gopro"]])
    lines += _section(_title(SKIPPED), [_told(one) for one in media if one["status"] == SKIPPED])
    return "\n".join(lines)


def _balance(library: Mapping[str, Any]) -> list[str]:
    """How the listing compares with what GoPro counts; nothing when all agree."""
    if not library:
        return []
    lines = []
    listed = library["listed"]
    for what, total in (("its listing", library["search_total"]), ("the account", library["account_total"])):
        if total not in (None, listed):
            lines.append(f"GoPro counts {total:,} media in {what}; listed were {listed:,}.")
    if not library["settled"]:
        readings = library["readings"]
        lines.append(f"The library moved during all {readings} readings of it: the next run looks again.")
    if not library["trash_was_read"]:
        lines.append("GoPro's trash could not be read.")
    return [*lines, ""] if lines else []


def _section(title: str, lines: list[list[str]]) -> list[str]:
    if not lines:
        return []
    more = [f"- and {len(lines) - SHOWN_MOST:,} more, all in report.json"] if len(lines) > SHOWN_MOST else []
    return [f"## {title} ({len(lines):,})", "", *(line for medium in lines[:SHOWN_MOST] for line in medium), *more, ""]


def _title(status: str) -> str:
    return status.replace("_", " ").capitalize()


def _named(medium: Mapping[str, Any]) -> list[str]:
    return [f"- {_name(medium)}"]


def _told(medium: Mapping[str, Any]) -> list[str]:
    reason = f": {medium['reason']}" if medium["reason"] else ""
    pieces = [f"  - `{piece['key']}` ({piece['size']:,} bytes, {piece['quality']})" for piece in medium["pieces"]]
    return [f"- {_name(medium)}{reason}", *pieces]


def _gone(medium: Mapping[str, Any]) -> list[str]:
    where = "in GoPro's trash" if medium["where"] == "trash" else "no longer at GoPro"
    kept = "archived" if medium["archived"] else "NOT archived"
    if medium["where"] == "trash" and not medium["archived"]:
        kept += "; restore it at GoPro to have it copied"
    return [f"- {_name(medium)}: {where}, {kept}"]


def _name(medium: Mapping[str, Any]) -> str:
    """A name as a person may see it: GoPro lets anything be one, escape sequences of a terminal among it."""
    shown = str(medium["filename"]).replace("`", "'")
    name = "".join(character if character.isprintable() else " " for character in shown).strip()
    return f"`{name}` ({medium['media_id']})" if name else str(medium["media_id"])
