"""The whole pipeline from one command: the real template, state machine and handlers copy a library twice."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from awscrt import checksums

from tests.support.command import LIMIT, PROJECT, Run, environment, sandbox

FUNCTIONS = {"media_lister", "multipart_uploader", "run_control", "video_downloader"}
EVENT_KEYS = {"schema", "run_id", "media_id", "filename", "file_size", "upload_date"}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The built-in library, executed twice against the same account."""
    finished = sandbox(tmp_path_factory.mktemp("builtin"), ["--runs", "2"])
    assert finished.done.returncode == 0, finished.done.stderr
    return finished


@pytest.mark.verifies("pipeline.one-command")
def test_the_run_ends_well_and_silently(run: Run) -> None:
    assert run.done.stderr == ""
    assert run.last["status"] == "SUCCEEDED"
    assert run.last["compared"]["equal"] is True
    assert run.last["compared"]["by"] == "content"


@pytest.mark.verifies("pipeline.one-command")
def test_the_first_execution_copies_every_shape_of_the_library(run: Run) -> None:
    first = run.last["runs"][0]
    assert first["counts"] == {
        "listed": 8,
        "completed": 6,
        "already_synced": 0,
        "not_ready": 1,
        "source_deleted": 1,
        "failed": 0,
        "skipped": 0,
    }
    # The records of the media are our own words, and no bytes that were copied.
    copied = [entry for entry in run.document("objects.json") if entry["metadata"]["piece"] != "record-1"]
    assert first["bytes"] == sum(entry["size"] for entry in copied)
    assert len(copied) == len(run.document("objects.json")) - first["counts"]["completed"]


def test_the_second_execution_copies_nothing_and_says_so(run: Run) -> None:
    second = run.last["runs"][1]
    assert second["bytes"] == 0
    assert second["counts"]["already_synced"] == 6
    assert second["counts"]["completed"] == 0
    assert "run 2 copied 0 bytes: everything was already synced (6 media)" in run.done.stdout.splitlines()


def test_the_report_is_the_last_runs_and_adds_up(run: Run) -> None:
    report = run.document("report.json")
    assert {"run", "status", "counts", "bytes_transferred", "seconds", "media"} <= set(report)
    assert report["run"] == run.last["runs"][1]["run"]
    counts = dict(report["counts"])
    assert counts.pop("listed") == sum(counts.values())
    assert {medium["status"] for medium in report["media"]} == {"NOT_READY", "SOURCE_DELETED"}
    assert all(medium["reason"] for medium in report["media"])
    assert (run.out / "report.md").read_text(encoding="utf-8").strip() in run.done.stdout


@pytest.mark.verifies("template.not-emulated")
def test_the_text_shows_report_bucket_functions_and_what_was_not_emulated(run: Run) -> None:
    for entry in run.document("objects.json"):
        assert entry["key"] in run.done.stdout
        assert entry["checksum"]["crc64nvme"] in run.done.stdout
    for title in ("Archive bucket: 25 objects", "Functions", "Not emulated", "Compared by content"):
        assert title in run.done.stdout
    assert run.last["not_emulated"] == len(run.document("not_emulated.json")) > 0


def test_progress_is_told_in_plain_lines(run: Run) -> None:
    lines = run.done.stdout.splitlines()
    for phase in ("synth", "deploy", "list", "sync", "report"):
        assert f"{phase} ..." in lines
        assert any(line.startswith(f"{phase} done in ") for line in lines)
    assert "  GX010002.MP4: COMPLETED (113.3 MB)" in lines


def test_every_function_is_measured(run: Run) -> None:
    functions = run.last["functions"]
    assert set(functions) == FUNCTIONS
    assert functions["video_downloader"]["cold"] >= 1
    assert functions["video_downloader"]["warm"] >= 1
    assert all(0 < functions[name]["peak_mb"] < 512 for name in FUNCTIONS - {"multipart_uploader"})


@pytest.mark.verifies("pipeline.compared")
def test_the_archive_is_on_disk_byte_for_byte_with_its_description(run: Run) -> None:
    objects = run.document("objects.json")
    assert len(objects) == 25
    for entry in objects:
        content = (run.out / "bucket" / entry["key"]).read_bytes()
        assert len(content) == entry["size"]
        crc = base64.b64encode(checksums.crc64nvme(content).to_bytes(8, "big")).decode()
        assert entry["checksum"] == {"crc64nvme": crc, "type": "FULL_OBJECT"}
        assert entry["storage_class"] == ("GLACIER_IR" if entry["size"] >= 128 * 1024 else "STANDARD")
        assert entry["encryption"]["x-amz-server-side-encryption"] == "aws:kms"
        assert entry["encryption"]["x-amz-server-side-encryption-bucket-key-enabled"] == "true"
        assert {"Source": "GoPro", "AutoSync": "True"}.items() <= entry["tags"].items()
        assert entry["metadata"]["provider"] == "gopro"
        assert f"/{entry['metadata']['source-media-id']}/" in entry["key"]
    files = [path for path in (run.out / "bucket").rglob("*") if path.is_file()]
    assert len(files) == len(objects)


def test_the_tracker_agrees_with_the_bucket(run: Run) -> None:
    rows = run.document("tracker.json")
    assert all(row["media_id"] and row["status"] for row in rows)
    objects = {entry["key"]: entry for entry in run.document("objects.json")}
    pieces = [row for row in rows if row["record"].startswith("PIECE#")]
    assert {row["key"] for row in pieces} == set(objects)
    for row in pieces:
        assert row["status"] == "COMPLETED"
        assert row["size"] == objects[row["key"]]["size"]
        assert row["crc64nvme"] == objects[row["key"]]["checksum"]["crc64nvme"]
    media = [row["status"] for row in rows if row["record"] == "MEDIUM"]
    assert sorted(media) == ["COMPLETED"] * 7 + ["NOT_READY"]


def test_the_downloader_gets_exactly_the_contracts_event(run: Run) -> None:
    visits = run.states("Download medium")
    assert len(visits) == 8 + 2
    for visit in visits:
        assert set(visit["input"]) == EVENT_KEYS
        assert visit["input"]["media_id"]


def test_state_stays_small_and_no_path_expression_failed(run: Run) -> None:
    for entry in run.document("state.json"):
        assert len(json.dumps(entry["input"])) < 4096
        assert len(json.dumps(entry["output"])) < 4096
        assert not str(entry["error"]).startswith("States.")


def test_a_childs_result_is_at_most_200_bytes(run: Run) -> None:
    for visit in run.states("Medium done"):
        assert len(json.dumps(visit["output"])) <= 200


def test_every_function_has_a_log(run: Run) -> None:
    assert {path.name for path in (run.out / "logs").iterdir()} == {f"{name}.log" for name in FUNCTIONS}
    assert "REPORT RequestId" in (run.out / "logs" / "video_downloader.log").read_text(encoding="utf-8")


@pytest.mark.verifies("pipeline.no-secrets")
def test_no_document_holds_a_cookie_a_token_or_a_signature(run: Run) -> None:
    secret = re.compile(r"gp_access_token|eyJ[A-Za-z0-9_-]{10,}|Signature=[A-Za-z0-9~_-]{8,}|Key-Pair-Id=")
    documents = [
        path for path in run.out.rglob("*") if path.is_file() and "bucket" not in path.parts[len(run.out.parts) :]
    ]
    assert len(documents) > 10
    for path in documents:
        assert secret.search(path.read_text(encoding="utf-8")) is None, path.name
    assert secret.search(run.done.stdout) is None


def test_histories_are_whole(run: Run) -> None:
    for number, history in enumerate(run.document("history.json"), start=1):
        assert history["run"] == number
        kinds = [event["type"] for event in history["events"]]
        assert kinds.count("ExecutionSucceeded") == kinds.count("ExecutionStarted") >= 3


@pytest.mark.verifies("pipeline.nothing-left")
def test_nothing_is_left_behind(run: Run) -> None:
    assert list(run.scratch.iterdir()) == []
    assert not (run.out / ".work").exists()
    assert processes_of(run.out) == []


@pytest.mark.verifies("pipeline.nothing-left")
def test_an_interruption_while_bytes_are_moving_leaves_nothing_behind(sound: Path, tmp_path: Path) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", "run", "--assembly", str(sound), "--out", str(out)],
        cwd=PROJECT,
        env=environment(scratch),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "sync ...\n":
                process.send_signal(signal.SIGINT)
                break
        _, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, errors) == (130, "sandbox: interrupted; everything was stopped and cleaned up\n")
    assert list(scratch.iterdir()) == []
    assert {entry.name for entry in out.iterdir()} == {".gopro-sandbox"}
    assert processes_of(out) == []


def processes_of(out: Path) -> list[str]:
    """The command lines and environments that name the folder: whatever a run has started and not ended."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                text = (process / name).read_bytes()
            except OSError:  # ended meanwhile, or not ours to look at
                continue
            if str(out).encode() in text and process.name != str(os.getpid()):
                found.append(text.decode(errors="replace"))
    return found
