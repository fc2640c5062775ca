"""The template passes CloudFormation's own schemas, as a stranger would check it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def _findings(template: Path) -> list[dict[str, Any]]:
    program = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run(
        [str(program), "--format", "json", "--regions", "us-east-1", "--", str(template)],
        capture_output=True,
        text=True,
        check=False,
    )
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    return findings


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    [template] = assembly.glob("*.template.json")
    assert _findings(template) == []
