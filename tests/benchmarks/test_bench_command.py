"""The benchmark's command from end to end, with tiny sizes; and that nothing which lies becomes a figure."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import session
from benchmarks.cli import Options, main, parsed
from benchmarks.engines import OURS, Engine, engines
from benchmarks.measuring import Measured
from benchmarks.peers import MIB, Job
from benchmarks.results import LATEST, read
from benchmarks.rounds import run_scenario, run_trial
from benchmarks.scenarios import GIB, QUICK_SIZE, Scenario, Trial, names
from benchmarks.shares import Share
from benchmarks.stage import Stage

SIZE = 100_000
WELL = Measured(wall_s=2.0, cpu_s=1.0, peak_rss_mb=50.0, exit_code=0, stdout="", stderr="")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


def _script(lines: str) -> Engine:
    """A peer that does what these lines say with ``job`` and a ``client`` of S3."""
    program = (
        "import boto3, sys, urllib3\n"
        "from benchmarks.peers import Job\n"
        "job = Job.from_command_line()\n"
        "client = boto3.client('s3', endpoint_url=job.endpoint_url, verify=job.ca_bundle)\n"
        "body = urllib3.PoolManager(ca_certs=job.ca_bundle).request('GET', job.url).data\n"
    )

    def command(job: Job, _: int | None) -> list[str]:
        words = [job.url, job.endpoint_url, job.ca_bundle, job.bucket, job.key]
        return [sys.executable, "-c", program + lines, *words]

    return Engine("a-peer", "written for a test", command)


def _put(body: str) -> Engine:
    return _script(f"client.put_object(Bucket=job.bucket, Key=job.key, Body={body})")


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (_put("body"), None),
        (_put("body[:-1] + bytes([body[-1] ^ 1])"), "an object of the right size with other bytes (CRC64NVME)"),
        (_put("body[:-1]"), "an object of 99999 bytes, not 100000"),
        (_script("pass"), "no object, though its exit code was 0"),
        (
            _script("sys.exit('the peer said that it could not copy')"),
            "exit code 1: the peer said that it could not copy",
        ),
    ],
    ids=["right", "other bytes", "short", "nothing", "refused"],
)
def test_only_the_right_bytes_make_a_figure(stage: Stage, peer: Engine, why: str | None) -> None:
    run = run_trial(Trial("a-peer", "unlimited", SIZE), peer, stage)
    assert run.why == why
    assert stage.stored("copied/by-a-peer.bin") is None


def test_what_an_earlier_run_left_is_not_taken_for_a_copy(stage: Stage) -> None:
    trial = Trial("a-peer", "unlimited", SIZE)
    key = "copied/by-a-peer.bin"
    # The first leaves its object under the key of the second.
    other = Engine("other", "", lambda job, n: _put("body").command(dataclasses.replace(job, key=key), n))
    assert run_trial(Trial("other", "unlimited", SIZE), other, stage).why == "no object, though its exit code was 0"
    assert stage.stored(key) is not None
    assert run_trial(trial, _script("pass"), stage).why == "no object, though its exit code was 0"


def _told(answers: Mapping[str, Measured], calls: list[list[str]]) -> Callable[..., Measured]:
    def measure(command: list[str], **_: Any) -> Measured:
        calls.append(command)
        return answers[command[0]]

    return measure


def _named(name: str) -> Engine:
    return Engine(name, "", lambda _, n: [name, str(n)])


def test_rounds_are_interleaved_and_every_run_is_told(stage: Stage) -> None:
    scenario = Scenario("s", "", (Trial("a", "s", SIZE), Trial("b", "s", SIZE), Trial("a", "s-4-workers", SIZE, 4)))
    calls: list[list[str]] = []
    lines: list[str] = []
    present = {"a": _named("a"), "b": _named("b")}
    measure = _told({"a": WELL, "b": WELL}, calls)
    runs = list(run_scenario(scenario, stage, present, 2, tell=lines.append, measure=measure))
    assert calls == [["a", "None"], ["b", "None"], ["a", "4"]] * 2
    assert [run.scenario for run in runs] == ["s", "s", "s-4-workers"] * 2
    assert len(lines) == 6
    assert lines[3].startswith("2/2 s, a: FAILED: no object")


@pytest.mark.parametrize(
    ("measured", "share", "why"),
    [
        (dataclasses.replace(WELL, exit_code=-9), Share(256), "killed: more memory than 256 MB"),
        (
            dataclasses.replace(WELL, exit_code=-9, stderr="killed after 900 s\n"),
            None,
            "exit code -9: killed after 900 s",
        ),
        (dataclasses.replace(WELL, exit_code=-6), None, "exit code -6: it said nothing"),
        (
            dataclasses.replace(WELL, exit_code=1, stderr="Traceback\n" + "e" * 40 + "\n}\n"),
            None,
            f"exit code 1: {'e' * 40} }}",
        ),
    ],
)
def test_an_engine_that_was_ended_says_by_what(stage: Stage, measured: Measured, share: Share | None, why: str) -> None:
    run = run_trial(Trial("a", "s", SIZE), _named("a"), stage, share, _told({"a": measured}, []))
    assert run.why == why


def test_seconds_that_ours_prints_are_its_transfer(stage: Stage) -> None:
    said = dataclasses.replace(WELL, stdout='{"bytes": 1, "seconds": 1.5}\n')
    assert run_trial(Trial("a", "s", 0), _named("a"), stage, None, _told({"a": said}, [])).transfer_s == 1.5
    assert run_trial(Trial("a", "s", 0), _named("a"), stage, None, _told({"a": WELL}, [])).transfer_s is None


def test_the_command_measures_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results.json"
    asked = ["--scenario", "unlimited", "--engine", "boto3", "--gib", "0.001", "--rounds", "2", "--out", str(out)]
    assert main(asked) == 0
    printed = capsys.readouterr()
    results = read(out)
    [row] = results.rows
    assert (row.engine, row.scenario, row.rounds, row.gib) == ("boto3", "unlimited", 2, 0.001)
    assert row.cpu_s > 0
    assert 0 < row.wall_s_min <= row.wall_s <= row.wall_s_max
    assert 20 < row.peak_rss_mb < 500
    assert results.failed == ()
    assert set(results.versions) == {"boto3", "urllib3"}
    assert "unlimited: https to https" in printed.out
    assert "2/2 unlimited, boto3: " in printed.err
    assert f"written to {out}" in printed.out
    assert len(json.loads(out.read_text())["goals"]) > 10


def test_a_failing_engine_is_a_row_and_a_failing_ours_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {
        name: dataclasses.replace(_script("sys.exit('broken as the test wants it to be')"), name=name)
        for name in engines()
    }
    monkeypatch.setattr(session, "engines", lambda: broken)
    for engine, code in (("boto3", 0), (OURS, 1)):
        out = tmp_path / f"{engine}.json"
        assert main(["--scenario", "small", "--engine", engine, "--rounds", "1", "--out", str(out)]) == code
        [failure] = read(out).failed
        assert failure.why == "exit code 1: broken as the test wants it to be"
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize("failing", [True, False])
def test_latest_json_is_not_written_when_ours_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failing: bool
) -> None:
    latest = tmp_path / "latest.json"
    monkeypatch.setattr(session, "LATEST", latest)
    monkeypatch.setattr(session, "engines", lambda: {OURS: _put("body[1:]" if failing else "body")})
    code = session.run_session(Options(("small",), (OURS,), MIB, None, 1, latest))
    assert (code, latest.exists()) == ((1, False) if failing else (0, True))
    assert ("not written: ours failed" in capsys.readouterr().out) is failing


def test_shares_that_are_not_possible_are_skipped_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "shares_available", lambda: "no control groups here")
    monkeypatch.setattr(session, "engines", lambda: {OURS: _put("body")})
    assert session.run_session(Options(("small", "share-512"), (OURS,), MIB, MIB, 1, None)) == 0
    printed = capsys.readouterr()
    assert "skipped   share-512: no control groups here" in printed.out
    assert "share-512" not in printed.err


def test_an_engine_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Engine("boto3", "", lambda *_: [], programs=("no-such-program",))
    monkeypatch.setattr(session, "engines", lambda: {"ours": _put("body"), "boto3": absent})
    assert session.run_session(Options(("small",), ("ours", "boto3"), MIB, None, 1, None)) == 0
    assert "missing   boto3: it needs no-such-program on PATH" in capsys.readouterr().out
    assert main(["--scenario", "small", "--engine", "boto3"]) == 1
    assert "boto3 is not installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--engine", "nothing"], "--engine 'nothing' is none of ours, "),
        (["--scenario", "nothing"], "--scenario 'nothing' is none of unlimited, "),
        (["--gib", "0"], "'0' is not a number of GiB"),
        (["--gib", "nan"], "'nan' is not a number of GiB"),
        (["--gib", "65"], "'65' is not a number of GiB"),
        (["--rounds", "0"], "'0' is not a number from 1"),
        (["--rounds", "x"], "'x' is not a number from 1"),
        (["--out"], "expected one argument"),
        (["--nothing"], "unrecognized arguments: --nothing"),
        (["--quic"], "unrecognized arguments: --quic"),
        (["word"], "unrecognized arguments: word"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
    assert printed.err.startswith("benchmarks: ")
    assert printed.err.count("\n") == 1


def test_only_a_whole_run_is_the_latest() -> None:
    assert parsed([]) == Options(names(), tuple(engines()), 4 * GIB, None, 3, LATEST)
    partial = ["--quick", "--quick --rounds 3 --gib 4", "--rounds 2", "--gib 1", "--scenario memory", "--engine ours"]
    assert [parsed(line.split()).out for line in partial] == [None] * len(partial)
    assert parsed(["--rounds", "5", "--gib", "8"]).out == LATEST
    assert parsed(["--quick", "--out", "here.json"]).out == Path("here.json")


def test_quick_is_small_and_once_unless_more_is_asked_for() -> None:
    quick = parsed(["--quick"])
    assert (quick.size, quick.largest, quick.rounds) == (QUICK_SIZE, QUICK_SIZE, 1)
    assert quick.scenarios == ("unlimited", "small", "limited")
    more = parsed(["--quick", "--gib", "1", "--rounds", "2", "--scenario", "memory"])
    assert (more.size, more.rounds, more.scenarios) == (GIB, 2, ("memory",))


def test_what_was_asked_for_twice_is_measured_once_and_in_the_usual_order() -> None:
    options = parsed(["--engine", "boto3", "--engine", "ours", "--engine", "boto3"])
    assert options.engines == ("ours", "boto3")


def test_ctrl_c_writes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: Options) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "run_session", interrupted)
    assert main(["--quick"]) == 130
    assert capsys.readouterr().err == "benchmarks: interrupted; nothing was written\n"
