"""``docs/SANDBOX.md`` out of the code and the tests: what is emulated and verified, what is not, what is refused."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from sandbox.aws.asl_fields import FIELDS, RESOURCE
from sandbox.aws.functions.limits import LIMITS
from sandbox.aws.template.cloud import REGISTRY
from sandbox.aws.template.deploy import RECORDED_ATTRIBUTES
from sandbox.features import AREAS, FEATURES, INTRODUCTION, NOT_EMULATED, Feature
from sandbox.recorded import recorded_by_handlers
from sandbox.s3.operations.table import OPERATIONS

MARK = "verifies"
_SHOWN_TESTS = 3
_SKIPS = frozenset({"skip", "skipif", "xfail"})


@dataclass(frozen=True, slots=True)
class Verification:
    """A test that carries the mark: its file below the project, its name, the feature, and whether it may not run."""

    file: str
    test: str
    feature: str
    skipped: bool


def verifications(project: Path) -> list[Verification]:
    """Return every ``@pytest.mark.verifies("...")`` of the tests, in the order of files and lines."""
    found: list[Verification] = []
    for path in sorted((project / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                found.extend(_marks(node, path.relative_to(project).as_posix()))
    return found


def _marks(function: ast.FunctionDef, file: str) -> Iterator[Verification]:
    calls = [(_mark_name(decorator), decorator) for decorator in function.decorator_list]
    skipped = any(name in _SKIPS for name, _ in calls)
    for name, decorator in calls:
        if name == MARK and isinstance(decorator, ast.Call):
            for argument in decorator.args:
                yield Verification(file, function.name, str(ast.literal_eval(argument)), skipped)


def _mark_name(decorator: ast.expr) -> str | None:
    """Return ``name`` of ``@pytest.mark.name`` and ``@pytest.mark.name(...)``."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "mark":
        return node.attr
    return None


def document(project: Path) -> str:
    """Return the whole document."""
    by_feature: dict[str, list[Verification]] = {}
    for verification in verifications(project):
        by_feature.setdefault(verification.feature, []).append(verification)
    parts = ["# The sandbox", INTRODUCTION, "## Emulated"]
    for area, title in AREAS.items():
        features = [feature for feature in FEATURES if feature.area == area]
        if features:
            parts += [f"### {title}", _emulated(features, by_feature)]
    parts += ["## Not emulated", _not_emulated(), "## Refused", *_refused()]
    return "\n\n".join(parts) + "\n"


def _emulated(features: Iterable[Feature], by_feature: Mapping[str, list[Verification]]) -> str:
    rows = [(feature.name, feature.how, _tests(by_feature.get(feature.id, []))) for feature in features]
    return _table(("feature", "emulated how", "verified by"), rows)


def _tests(found: list[Verification]) -> str:
    shown = [f"`{_short(each.file)}::{each.test}`" for each in found[:_SHOWN_TESTS]]
    more = len(found) - len(shown)
    return "<br>".join(shown) + (f"<br>and {more} more" if more > 0 else "")


def _short(file: str) -> str:
    return file.removeprefix("tests/")


def _not_emulated() -> str:
    rows = {(kind, prop, why) for kind, prop, why in recorded_by_handlers()}
    rows |= {(kind, prop, why) for kind, emulation in REGISTRY.items() for prop, why in emulation.recorded.items()}
    listed = [(kind, "everything" if prop == "*" else f"`{prop}`", why) for kind, prop, why in sorted(rows)]
    listed += [("every resource", f"`{attribute}`", why) for attribute, why in RECORDED_ATTRIBUTES.items()]
    listed += [("functions", what, why) for what, why in LIMITS]
    listed += [(area, what, why) for area, what, why in NOT_EMULATED]
    return _table(("where", "what", "instead, or why"), listed)


def _refused() -> Iterator[str]:
    yield "What is not in these lists ends the deployment or the request with a line that names it; nothing is ignored."
    kinds = [f"{kind} ({', '.join(f'`{name}`' for name in sorted(names))})" for kind, names in sorted(FIELDS.items())]
    yield "Amazon States Language, by state type:\n\n" + "\n".join(f"- {kind}" for kind in kinds)
    yield f"The one task resource is `{RESOURCE}`; a Map is INLINE, or DISTRIBUTED with STANDARD children."
    yield "Resource types: " + ", ".join(f"`{kind}`" for kind in sorted(REGISTRY)) + "."
    yield "S3 operations: " + ", ".join(f"`{name}`" for name in sorted({each.name for each in OPERATIONS})) + "."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def first_difference(held: str, wanted: str) -> str | None:
    """Return one line about the first line that differs, ``None`` if nothing does."""
    pairs = zip_longest(held.splitlines(), wanted.splitlines())
    for number, (old, new) in enumerate(pairs, 1):
        if old != new:
            return f"line {number} is {_cut(old)}, should be {_cut(new)}"
    return None


def _cut(line: str | None) -> str:
    return "missing" if line is None else repr(line[:120])
