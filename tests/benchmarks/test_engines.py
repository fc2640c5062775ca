"""What can be measured, and the command lines it is measured with."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from benchmarks import engines as module
from benchmarks.engines import IMPORTS, Engine, engines, imports_alone, versions
from benchmarks.peers import Job

JOB = Job("https://127.0.0.1:1/of/file.bin", "https://127.0.0.1:2", "/ca.pem", "a-bucket", "a/key")
EVERY = [*engines().values(), imports_alone()]


def _named(name: str) -> Engine:
    return engines()[name]


@pytest.mark.parametrize("engine", engines().values(), ids=lambda engine: engine.name)
def test_every_engine_is_told_both_servers_the_object_and_whom_to_trust(engine: Engine) -> None:
    command = " ".join(engine.command(JOB, None))
    for word in ("127.0.0.1:1", "of/file.bin", JOB.endpoint_url, JOB.ca_bundle, JOB.bucket, JOB.key):
        assert word in command


@pytest.mark.parametrize("engine", EVERY, ids=lambda engine: engine.name)
def test_an_engine_sees_no_proxy_no_identity_and_no_authority_of_this_machine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "AWS_PROFILE", "AWS_SESSION_TOKEN", "PYTHONSTARTUP", "LD_PRELOAD"):
        monkeypatch.setenv(name, "of-this-machine")
    environment = engine.environment(JOB)
    assert "of-this-machine" not in environment.values()
    assert environment["SSL_CERT_FILE"] == JOB.ca_bundle


@pytest.mark.parametrize("engine", EVERY, ids=lambda engine: engine.name)
def test_every_script_of_ours_is_there(engine: Engine) -> None:
    command = engine.command(JOB, None)
    if command[:2] == [sys.executable, "-m"]:
        assert importlib.util.find_spec(command[2]) is not None


def test_ours_is_told_how_many_workers_only_when_asked() -> None:
    assert "--workers" not in _named("ours").command(JOB, None)
    command = _named("ours").command(JOB, 8)
    assert command[command.index("--workers") + 1] == "8"
    assert command[1:5] == ["-m", "benchmarks.copy", JOB.url, "s3://a-bucket/a/key"]


def test_only_a_peer_that_needs_it_sees_the_peers_packages() -> None:
    assert str(module.APART) not in _named("ours").environment(JOB)["PYTHONPATH"]
    assert str(module.APART) not in _named("boto3").environment(JOB)["PYTHONPATH"]
    assert str(module.APART) in _named("opendal").environment(JOB)["PYTHONPATH"]


def test_a_peer_whose_package_is_not_there_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "APART", tmp_path)
    assert _named("opendal").missing() == "'make bench' installs it"
    assert _named("opendal").versions() == {}
    (tmp_path / "opendal-1.2.3.dist-info").mkdir()
    (tmp_path / "opendal-1.2.3.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: opendal\nVersion: 1.2.3\n"
    )
    assert _named("opendal").missing() is None
    assert versions([_named("opendal"), _named("opendal-ranges")]) == {"opendal": "1.2.3"}


def test_a_program_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _named("curl-pipe").missing() == "it needs curl and sh on PATH"


def test_what_the_development_environment_holds_is_installed() -> None:
    assert [
        name for name in ("ours", "boto3-best", "buffered", "awscrt", "rclone-4-streams") if _named(name).missing()
    ] == []


def test_the_goals_and_the_shares_name_engines_that_exist() -> None:
    from benchmarks import goals, scenarios  # noqa: PLC0415

    named = {peer for peer, _ in goals._CPU_RATIOS} | set(scenarios._STRONGEST)
    assert named <= set(engines())
    assert IMPORTS not in engines()
