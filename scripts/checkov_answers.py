"""Runs checkov over the judged templates and compares its findings with the answers in docs/SECURITY.md, both ways.

``python -m scripts.checkov_answers cdk.out/judged``, after ``scripts/environment checkov``. Asks no server anything.
Exit code 1 after one line for each finding without an answer and each answer without a finding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from scripts.grants import word
from scripts.judged import PROJECT
from scripts.security_document import DOCUMENT, quoted, rows

COLUMNS = ("check", "on", "answer")
GROUPS = {"every function": "AWS::Lambda::Function", "every log group": "AWS::Logs::LogGroup"}
"""What a cell may say instead of naming all resources of a type."""

# A check and the resource that fails it, as ``AWS::S3::Bucket.archive bucket``.
Finding = tuple[str, str]


def found_by_checkov(files: Collection[Path]) -> tuple[set[Finding], set[str]]:
    """Return checkov's findings about these templates, and all resources that it looked at.

    Raises ``RuntimeError`` when checkov did not run or could not read a template.
    """
    command = [sys.executable, "-S", "-m", "checkov.main", "--framework", "cloudformation", "--output", "json"]
    command += ["--skip-download", "--skip-results-upload", "--soft-fail", "--file", *map(str, files)]
    # Of its own packages only: -S leaves ours out. Its search for a newer version would be the one thing it asks.
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / ".venv" / "checkov"), "CKV_SKIP_PACKAGE_UPDATE_CHECK": "1"}
    done = subprocess.run(  # noqa: S603 - our own words
        command, capture_output=True, text=True, check=False, env=environment, cwd=PROJECT
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"checkov did not run ('make checkov' installs it): {last}")
    return read_report(json.loads(done.stdout), files)


def read_report(report: dict[str, Any], files: Collection[Path]) -> tuple[set[Finding], set[str]]:
    """Return the failed checks of checkov's report, and all resources in it.

    Raises ``RuntimeError`` if a template was not looked at: checkov passes over what it cannot read.
    """
    results = report.get("results", {"failed_checks": [], "passed_checks": []})
    failed, every = results["failed_checks"], [*results["failed_checks"], *results["passed_checks"]]
    unseen = {str(file.resolve()) for file in files} - {check["file_abs_path"] for check in every}
    if unseen or not files:
        raise RuntimeError(f"checkov could not read {', '.join(sorted(unseen)) or 'anything'}: run 'make nag' again")
    return {(check["check_id"], _named(check)) for check in failed}, {_named(check) for check in every}


def _named(check: dict[str, Any]) -> str:
    kind, logical_id = check["resource"].split(".", 1)
    return f"{kind}.{word(logical_id)}"


def answered(text: str, resources: Collection[str]) -> set[Finding]:
    """Return what the document answers: each check with every resource that its row names or means."""
    found = set()
    for row in rows(text):
        if row.columns == COLUMNS and row.cells["answer"]:
            kind, names = GROUPS.get(row.cells["on"]), quoted(row.cells["on"])
            meant = {name for name in resources if name.split(".")[0] == kind or name.split(".", 1)[1] in names} or {
                row.cells["on"]
            }
            found |= {(check, name) for check in quoted(row.cells["check"]) for name in meant}
    return found


def differences(found: set[Finding], answers: set[Finding]) -> list[str]:
    """Return one line for each finding without answer and each answer without finding."""
    lines = [
        f"checkov finds {check} at {resource}: mend it, or answer it in docs/SECURITY.md"
        for check, resource in sorted(found - answers)
    ]
    return lines + [
        f"checkov does not find {check} at {resource}: remove the answer from docs/SECURITY.md"
        for check, resource in sorted(answers - found)
    ]


def main(folder: Path) -> int:
    """Run, compare, and say what differs."""
    try:
        found, resources = found_by_checkov(sorted(folder.resolve().glob("*/*.template.json")))
    except RuntimeError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    lines = differences(found, answered(DOCUMENT.read_text(encoding="utf-8"), resources))
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
