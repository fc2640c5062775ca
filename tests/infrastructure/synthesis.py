"""Synthesises the app as a user does (``python app.py`` in a process of its own) and reads the template."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]

# Leaves the third-party packages out: nothing is downloaded, and the template is the same.
OFFLINE: dict[str, object] = {"aws:cdk:bundling-stacks": []}

ROLES = ("RunControl", "MediaLister", "VideoDownloader", "MultipartUploader")


def synthesise(out: Path, context: Mapping[str, object] | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``app.py`` into ``out`` with the given settings, without credentials and without a machine's Node.js."""
    environment = {
        **_bare(out),
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({**OFFLINE, **(context or {})}),
    }
    return subprocess.run(
        [sys.executable, str(PROJECT / "app.py")], env=environment, capture_output=True, text=True, check=False
    )


def synthesise_many(out: Path, variants: Mapping[str, Mapping[str, object]]) -> subprocess.CompletedProcess[str]:
    """Write the cloud assembly of each variant into a folder of its name in ``out``."""
    command = [sys.executable, "-m", "tests.infrastructure.synthesise_many", str(out)]
    return subprocess.run(
        command, env=_bare(out), cwd=PROJECT, input=json.dumps(variants), capture_output=True, text=True, check=False
    )


def _bare(out: Path) -> dict[str, str]:
    """An environment without credentials and without a machine's Node.js."""
    return {"PATH": "/nowhere", "HOME": os.environ.get("HOME", str(out))}


@dataclass(frozen=True, slots=True)
class Template:
    """A synthesised template with the questions that tests ask of it."""

    document: Mapping[str, Any]

    @classmethod
    def in_folder(cls, folder: Path) -> Template:
        """Read the one template of a cloud assembly."""
        [path] = folder.glob("*.template.json")
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def of_type(self, kind: str) -> dict[str, Any]:
        """Resources of a type (``S3::Bucket``) by logical id."""
        resources: dict[str, Any] = self.document["Resources"]
        return {name: entry for name, entry in resources.items() if entry["Type"] == f"AWS::{kind}"}

    def one(self, kind: str, prefix: str = "") -> Any:
        """Return the only resource of a type whose logical id starts so."""
        [entry] = [entry for name, entry in self.of_type(kind).items() if name.startswith(prefix)]
        return entry

    def properties(self, kind: str, prefix: str = "") -> Any:
        """Return the properties of ``one``."""
        return self.one(kind, prefix)["Properties"]

    def role_statements(self, role: str) -> list[dict[str, Any]]:
        """All statements that a role has, from whatever policy; ``role`` starts its logical id."""
        found = []
        for policy in self.of_type("IAM::Policy").values():
            properties = policy["Properties"]
            if any(entry["Ref"].startswith(role) for entry in properties["Roles"]):
                found += properties["PolicyDocument"]["Statement"]
        return found

    def allowed(self) -> Iterator[dict[str, Any]]:
        """Every Allow statement of every role."""
        for policy in self.of_type("IAM::Policy").values():
            yield from (s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")


def as_list(value: Any) -> list[Any]:
    """IAM writes a single entry without its list."""
    return value if isinstance(value, list) else [value]


def actions_of(statements: list[dict[str, Any]]) -> set[str]:
    """The actions of all statements together."""
    return {action for statement in statements for action in as_list(statement["Action"])}


def text_of(value: Any) -> str:
    """One line of text for an intrinsic, with ``<LogicalId>`` or ``<LogicalId.Attribute>`` for what AWS fills in."""
    match value:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(text_of(part) for part in parts)
        case _:
            return str(value)
