"""Imports point one way, and nothing grows beyond what a person reads at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infrastructure.synthesis import PROJECT

PACKAGE = PROJECT / "layers" / "cloud_sync_common"
PRODUCT = ("app.py", "benchmarks", "cloud_sync", "lambda_functions", "layers", "sandbox", "scripts", "smoke")

MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 60

# From the ground up: a part of cloud_sync_common, and the parts that it may import beside itself.
BELOW: dict[str, set[str]] = {}
for part, added in (
    ("errors", ()),
    ("models", ("errors",)),
    ("rules", ("models",)),
    ("observability", ("rules",)),
    ("edges", ("observability",)),
    ("gopro_provider", ("edges",)),
    ("transfer", ("gopro_provider",)),
    ("services", ("transfer",)),
    ("wiring", ("services",)),
):
    BELOW[part] = {name for below in added for name in (below, *BELOW[below])}

# The sandbox's rooms, and the rooms that each may import beside itself.
SANDBOX: dict[str, set[str]] = {
    "wire": set(),
    "gopro": {"wire"},
    "s3": {"wire"},
    "faults": {"wire", "gopro", "s3"},
    "aws": {"wire", "s3"},
    "run": {"wire", "gopro", "s3", "faults", "aws"},
}

# Of the engine's modules, those that only compute.
PURE_TRANSFER = ("planning.py", "workers.py", "sockets/http_head.py", "sockets/framing.py", "sockets/request_head.py")

# What reaches outside the process or asks it something; pure rules are given such things.
IMPURE = {
    *("aws_xray_sdk", "boto3", "botocore", "requests", "urllib3", "http", "socket"),
    *("logging", "os", "random", "secrets", "subprocess", "threading", "time"),
}


def _sources(*roots: str) -> Iterator[Path]:
    for root in roots:
        path = PROJECT / root
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    """Dotted names of everything that a module imports, relative imports resolved within cloud_sync_common."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                folder = path.parents[node.level - 1].relative_to(PROJECT / "layers")
                base = ".".join((*folder.parts, *filter(None, [base])))
            # "from cloud_sync_common import rules" names a part as well.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _parts(path: Path) -> set[str]:
    names = (name.split(".") for name in _imports(path))
    return {name[1] for name in names if name[0] == "cloud_sync_common" and len(name) > 1}


def test_the_shared_package_imports_downwards_only() -> None:
    wrong = []
    for path in _sources("layers"):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        assert part in BELOW, f"{part} is new: say in this test what it may import"
        wrong += [f"{path.relative_to(PROJECT)} imports {other}" for other in _parts(path) - BELOW[part] - {part}]
    assert wrong == []


def test_rules_are_pure() -> None:
    wrong = []
    engine = [PACKAGE / "transfer" / name for name in PURE_TRANSFER]
    for path in (*_sources("layers/cloud_sync_common/rules"), *engine, PACKAGE / "models.py", PACKAGE / "errors.py"):
        used = {name.split(".")[0] for name in _imports(path)} & IMPURE
        wrong += [f"{path.relative_to(PROJECT)} imports {name}" for name in used]
    assert wrong == []


def test_the_engine_knows_its_adapters_by_their_port_only() -> None:
    wrong = []
    for path in _sources("layers/cloud_sync_common/transfer"):
        name = path.relative_to(PACKAGE / "transfer").as_posix()
        if name == "adapters.py" or name.startswith("sockets/"):
            continue
        used = {found for found in _imports(path) if ".transfer.sockets" in found or ".transfer.by_requests" in found}
        wrong += [f"{name} imports {found}" for found in used]
    assert wrong == []


def test_handlers_read_their_event_and_leave_the_world_to_services() -> None:
    wrong = []
    for path in _sources("lambda_functions"):
        others = _parts(path) & {"edges", "transfer", "gopro_provider"}
        wrong += [f"{path.relative_to(PROJECT)} imports {name}" for name in others]
    assert wrong == []


@pytest.mark.parametrize("outside", ["app.py", "cloud_sync", "sandbox", "scripts", "smoke"])
def test_nothing_outside_the_functions_imports_their_code(outside: str) -> None:
    # The sandbox runs the functions as they are deployed; the app only packs them.
    wrong = [str(path.relative_to(PROJECT)) for path in _sources(outside) if _parts(path)]
    assert wrong == []


def test_the_functions_code_knows_neither_the_app_nor_the_sandbox_nor_the_benchmark() -> None:
    wrong = []
    outside = {"cloud_sync", "sandbox", "benchmarks", "aws_cdk", "moto"}
    for path in _sources("layers", "lambda_functions"):
        used = {name.split(".")[0] for name in _imports(path)} & outside
        wrong += [f"{path.relative_to(PROJECT)} imports {name}" for name in used]
    assert wrong == []


def test_the_benchmark_moves_its_bytes_without_the_sandbox() -> None:
    wrong = [str(path) for path in _sources("benchmarks") if any(name.startswith("sandbox") for name in _imports(path))]
    assert wrong == []


def test_the_sandboxs_rooms_import_downwards_only() -> None:
    wrong = []
    for room, below in SANDBOX.items():
        for path in _sources(f"sandbox/{room}"):
            names = [name.split(".") for name in _imports(path)]
            used = {name[1] for name in names if name[0] == "sandbox" and len(name) > 1}
            wrong += [f"{path.relative_to(PROJECT)} imports {other}" for other in used - below - {room}]
    assert wrong == []
    rooms = {path.name for path in (PROJECT / "sandbox").iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(SANDBOX), "a new room: say in this test what it may import"


def test_modules_are_short() -> None:
    long = {}
    for path in _sources(*PRODUCT):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_MODULE_LINES:
            long[str(path.relative_to(PROJECT))] = lines
    assert long == {}


def test_functions_are_short() -> None:
    long = {}
    for path in _sources(*PRODUCT):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(PROJECT)}:{node.name}"] = lines
    assert long == {}
