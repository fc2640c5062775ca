"""What the benchmark writes down: medians of what succeeded, and a file that is whole or absent."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest

from benchmarks.results import BadResults, Failure, Results, Run, read, summarised, write

GIB = 1024**3


def _run(wall: float, cpu: float, *, size: int = 2 * GIB, why: str | None = None, engine: str = "ours") -> Run:
    return Run(
        engine, "unlimited", size, wall_s=wall, cpu_s=cpu, peak_rss_mb=wall * 10, sink_cpu_s=1, source_cpu_s=3, why=why
    )


def _results(*runs: Run) -> Results:
    rows, failed = summarised(runs)
    return Results("a machine", "OpenSSL 3", "2026-11-23", "nginx", {"boto3": "1"}, rows, failed)


def test_a_row_is_the_median_of_its_runs() -> None:
    [row], failed = summarised([_run(4, 3), _run(2, 9), _run(3, 4)])
    assert failed == ()
    assert (row.wall_s, row.wall_s_min, row.wall_s_max) == (3, 2, 4)
    assert (row.cpu_s, row.cpu_s_per_gib, row.cpu_s_per_gib_min, row.cpu_s_per_gib_max) == (4, 2, 1.5, 4.5)
    assert (row.gib, row.rounds, row.peak_rss_mb) == (2, 3, 30)
    assert row.mb_s == pytest.approx(2 * GIB / 1e6 / 3, rel=1e-3)
    assert (row.sink_cpu_s_per_gib, row.source_cpu_s_per_gib) == (0.5, 1.5)


def test_a_failed_run_is_in_no_figure() -> None:
    [row], failed = summarised([_run(4, 4), _run(0.01, 0.01, why="no object"), _run(4, 4)])
    assert (row.rounds, row.wall_s_min) == (2, 4)
    assert failed == (Failure("ours", "unlimited", "no object"),)


def test_an_engine_that_only_failed_has_no_row() -> None:
    rows, failed = summarised([_run(1, 1, why="killed")])
    assert rows == ()
    assert len(failed) == 1


def test_a_run_that_copied_nothing_has_no_row() -> None:
    assert summarised([_run(1, 1, size=0)]) == ((), ())


def test_rows_keep_the_order_in_which_engines_were_first_run() -> None:
    rows, _ = summarised([_run(1, 1, engine=name) for name in ("ours", "opendal", "boto3", "ours", "opendal")])
    assert [row.engine for row in rows] == ["ours", "opendal", "boto3"]


def test_the_file_has_the_keys_that_readers_know(tmp_path: Path) -> None:
    write(_results(_run(2, 2)), [{"goal": "g", "got": 1.0, "met": True}], tmp_path / "new" / "latest.json")
    document = json.loads((tmp_path / "new" / "latest.json").read_text())
    assert {"machine", "openssl", "rows", "goals"} <= set(document)
    known = {"engine", "scenario", "gib", "cpu_s_per_gib", "wall_s", "mb_s", "peak_rss_mb"}
    assert known <= set(document["rows"][0])
    assert document["rows"][0]["engine"] == "ours"
    assert document["goals"] == [{"goal": "g", "got": 1.0, "met": True}]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    results = dataclasses.replace(
        _results(_run(2, 2), _run(1, 1, why="gone", engine="boto3")),
        skipped={"share-256": "no control groups"},
        imports_rss_mb=55.5,
    )
    write(results, [], tmp_path / "latest.json")
    assert read(tmp_path / "latest.json") == results


def test_the_file_is_readable_for_everyone(tmp_path: Path) -> None:
    write(_results(), [], tmp_path / "latest.json")
    assert stat.S_IMODE((tmp_path / "latest.json").stat().st_mode) == 0o644


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "latest.json"
    write(_results(_run(2, 2)), [], path)
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(OSError, match="no space"):
        write(_results(_run(3, 3)), [], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [{"engine": "ours"}], "failed": []}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "latest.json").write_text(text)
    with pytest.raises(BadResults, match="is not the benchmark's results"):
        read(tmp_path / "latest.json")
