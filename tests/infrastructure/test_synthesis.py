"""``python app.py``: offline, without Node.js on the machine, the same every time, one line when it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_sync import bundling
from cloud_sync.bundling import BundlingError
from cloud_sync.toolchain import use_bundled_node, wheel_bin
from tests.infrastructure.synthesis import PROJECT, synthesise


def test_an_unknown_setting_ends_in_one_line(tmp_path: Path) -> None:
    done = synthesise(tmp_path / "out", {"shedule": "rate(1 day)"})
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: unknown setting 'shedule': did you mean 'schedule'? (settings are listed in cloud_sync/settings.py)"
    ]


def test_the_feature_flags_hold_without_the_cdks_command_line() -> None:
    context = json.loads((PROJECT / "cdk.json").read_text(encoding="utf-8"))["context"]
    assert context["@aws-cdk/aws-stepfunctions:useDistributedMapResultWriterV2"] is True
    assert context["@aws-cdk/aws-iam:minimizePolicies"] is True


def test_the_command_line_is_pinned_to_one_that_can_read_the_assembly() -> None:
    package = json.loads((PROJECT / "package.json").read_text(encoding="utf-8"))
    assert package["devDependencies"] == {"asl-validator": "4.0.0", "aws-cdk": "2.1148.1"}


def test_npms_lock_file_names_no_registry() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages["node_modules/aws-cdk"]["version"] == "2.1148.1"
    assert all("resolved" not in entry and entry["integrity"] for entry in packages.values())


def test_node_comes_from_pypi_unless_another_is_named() -> None:
    environment: dict[str, str] = {}
    use_bundled_node(environment)
    folder = wheel_bin()
    assert folder is not None
    assert Path(environment["JSII_NODE"]).parent == folder
    chosen = {"JSII_NODE": "/opt/node"}
    use_bundled_node(chosen)
    assert chosen == {"JSII_NODE": "/opt/node"}


def test_the_source_layer_has_the_package_and_no_compiled_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "layers" / "cloud_sync_common"
    for name in ("errors.py", "rules/parts.py", "rules/__pycache__/parts.cpython-311.pyc", "old.pyc"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    monkeypatch.setattr(bundling, "PROJECT", tmp_path)
    with bundling.source_layer() as folder:
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"python/cloud_sync_common/errors.py", "python/cloud_sync_common/rules/parts.py"}
    assert not folder.exists()


def test_the_third_party_layer_follows_its_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bundling.runtime_layer_hash()
    changed = tmp_path / "runtime.lock"
    changed.write_bytes(bundling.LOCK.read_bytes() + b"# another\n")
    monkeypatch.setattr(bundling, "LOCK", changed)
    assert bundling.runtime_layer_hash() != before


def test_a_layer_that_cannot_be_installed_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "runtime.lock"
    lock.write_text("no-such-package-for-this-test==1.0 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    monkeypatch.setattr(bundling, "LOCK", lock)
    monkeypatch.setattr(bundling, "_CACHE", tmp_path / "cache")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(BundlingError, match=r"could not install requirements/runtime\.lock for aarch64") as failed:
        bundling.runtime_layer()
    assert "\n" not in str(failed.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_finished_layer_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "_CACHE", tmp_path)
    monkeypatch.setenv("UV_OFFLINE", "1")
    finished = tmp_path / bundling.runtime_layer_hash()
    finished.mkdir()
    assert bundling.runtime_layer() == finished


def test_a_node_program_that_is_missing_is_said_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / "with_node.py"), "no-such-program"],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "error: the Node.js program 'no-such-program' is not installed: run 'make node_modules'\n"
