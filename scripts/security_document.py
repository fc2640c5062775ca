"""Compares the tables of docs/SECURITY.md with the judged templates, both ways.

``python -m scripts.security_document cdk.out/judged`` prints each difference as the row that is to be added or removed;
exit code 1 if there is one. Under the heading ``OTHER_SETTINGS`` are the rows that the default template does not have.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.grants import FUNCTIONS, Grant, grants
from scripts.judged import PROJECT, VARIANTS, Judged

DOCUMENT = PROJECT / "docs" / "SECURITY.md"
OTHER_SETTINGS = "Only with other settings"
EVERY_FUNCTION = "Every function"

_ROLE = {"may": "Allow", "may not": "Deny"}
_ROLE_COLUMNS = ("on", "only if", "why")
_TRUST_COLUMNS = ("role", "is assumed by", "only if")
_POLICY_COLUMNS = ("policy of", "effect", "whom", "what", "on", "only if", "why")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table with the headings above it: its cells by column."""

    chapter: str
    section: str
    columns: tuple[str, ...]
    cells: Mapping[str, str]


def rows(text: str) -> Iterator[Row]:
    """Give the rows of every table in a Markdown text; raises ``ValueError`` for one with too few or many cells."""
    chapter = section = ""
    columns: tuple[str, ...] = ()
    for line in text.splitlines():
        if line.startswith("## "):
            chapter, section, columns = line[3:].strip(), "", ()
        elif line.startswith("### "):
            section, columns = line[4:].strip(), ()
        elif not line.startswith("|"):
            columns = ()
        elif not columns:
            columns = tuple(_cells(line))
        elif not re.fullmatch(r"[|:\s-]+", line):
            cells = _cells(line)
            if len(cells) != len(columns):
                raise ValueError(f"docs/SECURITY.md: this row needs {len(columns)} cells: {line}")
            yield Row(chapter, section, columns, dict(zip(columns, cells, strict=True)))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def quoted(cell: str) -> list[str]:
    """Return what stands in backquotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def described(text: str) -> tuple[frozenset[Grant], frozenset[Grant]]:
    """Return what the document grants by default and, apart, only with other settings."""
    by_chapter: dict[bool, set[Grant]] = {False: set(), True: set()}
    for row in rows(text):
        by_chapter[row.chapter == OTHER_SETTINGS].update(_grants(row))
    return frozenset(by_chapter[False]), frozenset(by_chapter[True])


def _grants(row: Row) -> Iterator[Grant]:
    """Read a row of the three kinds of tables that speak of permissions; other tables say nothing here."""
    cells, only_if = row.cells, " ".join(quoted(row.cells.get("only if", "")))
    if row.columns[0] in _ROLE and row.columns[1:] == _ROLE_COLUMNS:
        roles = FUNCTIONS if row.section == EVERY_FUNCTION else tuple(quoted(row.section))
        effect = _ROLE[row.columns[0]]
        for role in roles:
            for action in quoted(cells[row.columns[0]]):
                yield from (Grant(role, effect, "", action, on, only_if) for on in quoted(cells["on"]))
    elif row.columns == _TRUST_COLUMNS:
        for role in quoted(cells["role"]):
            [service] = quoted(cells["is assumed by"])
            yield Grant(role, "Allow", service, "sts:AssumeRole", "", only_if)
    elif row.columns == _POLICY_COLUMNS:
        for holder in quoted(cells["policy of"]):
            for action in quoted(cells["what"]):
                for on in quoted(cells["on"]):
                    yield Grant(holder, cells["effect"], cells["whom"].strip("`"), action, on, only_if)


def unexplained(text: str) -> list[str]:
    """Return rows without a reason, and rows on all resources whose reason does not speak of the ``*``."""
    found = []
    for row in rows(text):
        why = row.cells.get("why", "-")
        if not why or ("*" in quoted(row.cells.get("on", "")) and "`*`" not in why):
            found.append(f"docs/SECURITY.md: say why (and why `*`, if it is): {' | '.join(row.cells.values())}")
    return found


def differences(text: str, granted: Mapping[str, frozenset[Grant]]) -> list[str]:
    """Return a line for each difference between the document and what the variants' templates grant."""
    by_default, otherwise = described(text)
    default = granted["default"]
    other = frozenset[Grant]().union(*granted.values()) - default
    lines = []
    for said, true, when in ((by_default, default, "by default"), (otherwise, other, f"under '{OTHER_SETTINGS}'")):
        lines += [f"docs/SECURITY.md lacks, {when}: {_line(grant)}" for grant in sorted(true - said)]
        lines += [f"docs/SECURITY.md says, {when}, what is not so: {_line(grant)}" for grant in sorted(said - true)]
    return lines


def _line(grant: Grant) -> str:
    only_if = f"`{grant.condition}`" if grant.condition else "-"
    if grant.action == "sts:AssumeRole":
        return f"| `{grant.holder}` | `{grant.who}` | {only_if} |"
    if grant.who:
        cells = (f"`{grant.holder}`", grant.effect, grant.who, f"`{grant.action}`", f"`{grant.resource}`", only_if, "?")
        return f"| {' | '.join(cells)} |"
    kind = {effect: column for column, effect in _ROLE.items()}[grant.effect]
    return f"`{grant.holder}` {kind}: | `{grant.action}` | `{grant.resource}` | {only_if} | ? |"


def main(folder: Path) -> int:
    """Compare with the templates that ``scripts.nag`` left in the folder, and say what differs."""
    text = DOCUMENT.read_text(encoding="utf-8")
    try:
        granted = {name: grants(Judged.read(folder / name).template) for name in VARIANTS}
        lines = differences(text, granted) + unexplained(text)
    except (RuntimeError, ValueError) as error:
        lines = [str(error)]
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
