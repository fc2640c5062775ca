"""``--faults`` and ``--seed`` through the command: what goes wrong is told, and the archive is proven all the same."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.assemblies import edit_template, hurry
from tests.support.command import Run, make_library, sandbox

FILES = 8
NEVER = 10
"""The fault of the file below that finds nothing to happen to: a sound run sends no message."""

SEED = 94
"""Draws some faults and none that ends a function, after which another number of calls would follow."""

FAULTS = """
[[fault]]  # 1
at = "s3"
operation = "PutObject"
resource = "*/GX010001.MP4"
nth = 1
status = 503
code = "SlowDown"

[[fault]]  # 2
at = "gopro-cdn"
operation = "get"
nth = 1
reset_after = 1000

[[fault]]  # 3
at = "dynamodb"
function = "video_downloader"
nth = 3
lose = true

[[fault]]  # 4
at = "any"
function = "video_downloader"
nth = 16
kill = "after-answer"

[[fault]]  # 5
at = "lambda"
function = "media_lister"
nth = 1
effect = "timeout"
after = 0.2

[[fault]]  # 6
at = "lambda"
function = "video_downloader"
nth = 2
effect = "out-of-memory"
after = 0.2

[[fault]]  # 7
at = "gopro-api"
operation = "search"
nth = 1
status = 503

[[fault]]  # 8
at = "secretsmanager"
nth = 1
status = 500
code = "InternalServiceError"

[[fault]]  # 9
at = "kms"
nth = 3
status = 500
code = "KMSInternalException"

[[fault]]  # 10
at = "sns"
status = 500
"""
DONE = {
    (1, "status 503", "s3", "video_downloader"),
    (2, "reset", "gopro-cdn", "video_downloader"),
    (3, "lost answer", "dynamodb", "video_downloader"),
    (5, "timeout", "lambda", "media_lister"),
    (6, "out-of-memory", "lambda", "video_downloader"),
    (7, "status 503", "gopro-api", "media_lister"),
}


@pytest.fixture(name="hurried", scope="module")
def _hurried(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = Path(shutil.copytree(sound, tmp_path_factory.mktemp("hurried") / "assembly"))
    edit_template(copy, hurry)
    return copy


@pytest.fixture(name="disturbed", scope="module")
def _disturbed(hurried: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("disturbed")
    (folder / "faults.toml").write_text(FAULTS, encoding="utf-8")
    library = make_library(folder / "library", FILES)
    arguments = ["--assembly", str(hurried), "--library", str(library), "--faults", str(folder / "faults.toml")]
    return sandbox(folder, arguments)


@pytest.mark.verifies("faults.file", "pipeline.compared")
def test_a_run_under_every_kind_of_fault_ends_proven(disturbed: Run) -> None:
    assert (disturbed.done.returncode, disturbed.done.stderr) == (0, "")
    assert disturbed.last["status"] == "SUCCEEDED"
    assert disturbed.last["counts"]["completed"] == FILES
    assert (disturbed.last["compared"]["equal"], disturbed.last["compared"]["objects"]) == (True, 2 * FILES)
    assert len([path for path in (disturbed.out / "bucket").rglob("*.MP4") if path.is_file()]) == FILES


@pytest.mark.verifies("faults.record")
def test_the_record_tells_what_was_done_where_and_to_whom(disturbed: Run) -> None:
    fired = disturbed.document("faults.json")
    told = {(one["fault"], one["kind"], one["service"], one["function"]) for one in fired}
    assert told >= DONE
    assert [one["number"] for one in fired] == list(range(1, len(fired) + 1))
    assert sorted(one["fault"] for one in fired) == list(range(1, NEVER))
    assert all(one["took_effect"] for one in fired)
    [refused] = [one for one in fired if one["fault"] == 1]
    assert (refused["operation"], refused["nth"]) == ("PutObject", 1)
    assert refused["resource"].endswith("/GX010001.MP4")


@pytest.mark.verifies("faults.kill", "faults.functions")
def test_functions_that_were_ended_are_counted_and_tried_again(disturbed: Run) -> None:
    functions = disturbed.last["functions"]
    assert functions["media_lister"]["errors"] == 1
    assert functions["video_downloader"]["errors"] >= 2
    errors = [attempt for entry in disturbed.document("history.json") for attempt in failures(entry["events"])]
    assert {"Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError"} <= set(errors)


def failures(events: list[dict[str, Any]]) -> list[str]:
    """The errors of failed attempts in a history, whichever details they are in."""
    return re.findall(r'"error": "([^"]+)"', json.dumps(events))


@pytest.mark.verifies("faults.record")
def test_the_summary_counts_by_kind_and_names_what_never_happened(disturbed: Run) -> None:
    [line] = [line for line in disturbed.lines if line.startswith("faults injected: ")]
    assert line.startswith(f"faults injected: {NEVER - 1} (1 x kill, 1 x lost answer, 1 x out-of-memory, 1 x reset, ")
    assert f"never happened: fault {NEVER} (status 500 at sns)" in disturbed.lines
    assert disturbed.last["faults"] == NEVER - 1


@pytest.mark.verifies("faults.file")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[fault]]\nat = "s4"\nstatus = 503\n',
            "--faults faults.toml: fault 1: at cannot be 's4'; use one of: gopro-api, ",
        ),
        ("[[fault]\n", "--faults faults.toml: is not TOML: "),
    ],
)
def test_a_wrong_file_ends_2_with_one_line_before_anything_is_started(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "faults.toml").write_text(text, encoding="utf-8")
    run = sandbox(tmp_path, ["--faults", str(tmp_path / "faults.toml")])
    assert run.done.returncode == 2
    [line] = run.done.stderr.splitlines()
    assert says in line
    assert run.done.stdout == ""
    assert list(run.scratch.iterdir()) == []


@pytest.mark.verifies("faults.seed")
def test_a_seed_is_printed_and_disturbs_the_same_calls_again(hurried: Path, tmp_path: Path) -> None:
    library = make_library(tmp_path / "library", 4)
    arguments = ["--assembly", str(hurried), "--library", str(library), "--seed", str(SEED)]
    folders = [tmp_path / name for name in ("once", "again")]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(len(folders)) as pool:
        runs = list(pool.map(lambda folder: sandbox(folder, arguments), folders))
    for run in runs:
        assert (run.done.returncode, run.done.stderr) == (0, "")
        assert (run.last["status"], run.last["counts"]["completed"]) == ("SUCCEEDED", 4)
        assert any(line.startswith(f"seed {SEED}: faults injected: ") for line in run.lines)
        assert not any("limit of faults" in line for line in run.lines)
    first, second = (decisions(run) for run in runs)
    assert first == second
    assert len(first) >= 3


def decisions(run: Run) -> set[tuple[str, ...]]:
    """What was decided about which calls; a run's own id counts as any other's."""
    own = run.last["runs"][0]["run"]
    fields = ("kind", "moment", "service", "operation", "resource", "nth")
    return {tuple(str(one[field]).replace(own, "<run>") for field in fields) for one in run.document("faults.json")}
