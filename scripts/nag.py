"""Compares cdk-nag's findings about every judged template with ``cloud_sync/acknowledged.py``.

``python -m scripts.nag cdk.out/judged`` leaves the templates there; exit code 1 after one line for each difference.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from cloud_sync.acknowledged import ACKNOWLEDGED, Acknowledged
from scripts.judged import ADOPTED, Finding, synthesise_all


def differences(found: Mapping[str, Collection[Finding]], acknowledged: Collection[Acknowledged]) -> list[str]:
    """Return one line for each finding of a variant without acknowledgement, and for each that is needed nowhere."""
    known = {Finding(_filled(entry.rule), path) for entry in acknowledged for path in entry.paths}
    lines = [
        f"cdk-nag, {variant}: {finding.rule} at {finding.path}: mend it, or say why in cloud_sync/acknowledged.py"
        for variant, findings in found.items()
        for finding in sorted(set(findings) - known)
    ]
    needed = {finding for findings in found.values() for finding in findings}
    lines += [
        f"cdk-nag no longer finds {finding.rule} at {finding.path}: remove it from cloud_sync/acknowledged.py"
        for finding in sorted(known - needed)
    ]
    return lines


def _filled(rule: str) -> str:
    for setting, value in ADOPTED.items():
        rule = rule.replace(f"{{{setting}}}", value)
    return rule


def main(folder: Path) -> int:
    """Synthesise, compare, and say what differs."""
    try:
        judged = synthesise_all(folder)
    except RuntimeError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    lines = differences({name: entry.findings for name, entry in judged.items()}, ACKNOWLEDGED)
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
