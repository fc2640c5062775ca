"""The benchmark's text: what stands in it, and that it fits."""

from __future__ import annotations

import dataclasses

from benchmarks.goals import Goal
from benchmarks.peers import MIB
from benchmarks.results import Failure, Results, Row
from benchmarks.scenarios import GIB, Scenario, chosen_scenarios
from benchmarks.table import WIDTH, rendered

RESULTS = Results("a machine", "OpenSSL 3.0", "2026-11-23", "nginx 1.22", {"boto3": "1.44"}, ())
FAST = Row("ours", "unlimited", 4.0, 1.5, 6.0, 716.0, 60.25, 3, 6.0, 1.25, 1.75, 5.0, 7.0, 0.8, 0.3)
SLOW = dataclasses.replace(FAST, engine="buffered", cpu_s_per_gib=4.5, wall_s=9.0, rounds=2)


def _text(results: Results, *names: str, engines: tuple[str, ...] = ("ours", "buffered"), **missing: str) -> str:
    return rendered(results, _scenarios(*names, engines=engines), [], missing, 3)


def _scenarios(*names: str, engines: tuple[str, ...] = ("ours", "buffered")) -> list[Scenario]:
    return chosen_scenarios(names, engines, size=4 * GIB)


def _cells(text: str, engine: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.strip().startswith(f"{engine} ")]
    return line.split()


def test_a_row_shows_medians_spreads_and_the_ratio_to_ours() -> None:
    text = _text(dataclasses.replace(RESULTS, rows=(FAST, SLOW)), "unlimited")
    assert _cells(text, "buffered") == (
        ["buffered", "4.50", "(1.25-1.75)", "3.00", "9.00", "(5.00-7.00)", "1.50", "716", "60.2", "0.80", "0.30", "2/3"]
    )
    assert _cells(text, "ours")[3] == "1.00"


def test_an_engine_without_a_successful_run_is_a_row_that_says_so() -> None:
    failed = (Failure("buffered", "unlimited", "killed: more memory than 256 MB"),)
    text = _text(dataclasses.replace(RESULTS, rows=(FAST,), failed=failed), "unlimited")
    assert _cells(text, "buffered") == ["buffered", "failed", "0/3"]
    assert "unlimited, buffered: killed: more memory than 256 MB" in text


def test_without_ours_there_is_no_ratio() -> None:
    text = _text(dataclasses.replace(RESULTS, rows=(SLOW,)), "unlimited", engines=("buffered",))
    assert _cells(text, "buffered")[3] == "-"


def test_the_head_names_machine_openssl_and_what_is_missing() -> None:
    text = _text(RESULTS, "unlimited", opendal="'make bench' installs it")
    assert "machine   a machine" in text
    assert "openssl   OpenSSL 3.0" in text
    assert "missing   opendal: 'make bench' installs it" in text


def test_a_skipped_scenario_has_a_line_and_no_table() -> None:
    text = _text(dataclasses.replace(RESULTS, skipped={"share-256": "no control groups"}), "share-256")
    assert "skipped   share-256: no control groups" in text
    assert "share-256: the processor share" not in text


def test_the_workers_of_ours_are_rows_beside_that_of_one_worker() -> None:
    rows = [dataclasses.replace(FAST, scenario=f"limited-20MBps-{n}-workers", wall_s=24.0 / n) for n in (1, 4, 8)]
    text = _text(dataclasses.replace(RESULTS, rows=tuple(rows)), "workers", engines=("ours",))
    assert _cells(text, "ours, 4 workers")[6:9] == ["6.00", "(5.00-7.00)", "0.25"]
    assert _cells(text, "ours, 1 workers")[8] == "1.00"


def test_memory_stands_beside_that_of_the_imports_alone() -> None:
    rows = tuple(dataclasses.replace(FAST, scenario=f"memory-{size}") for size in ("1MiB", "16GiB"))
    text = _text(dataclasses.replace(RESULTS, rows=rows, imports_rss_mb=55.4), "memory")
    assert "55.4" in _cells(text, "imports alone")
    assert "60.2" in _cells(text, "ours, 16GiB")
    assert "(1 MiB to 16 GiB)" in text


def test_a_small_object_is_shown_with_seconds_and_not_with_seconds_for_each_gib() -> None:
    small = dataclasses.replace(
        FAST, scenario="small", gib=MIB / GIB, cpu_s_per_gib=512.0, cpu_s_per_gib_min=512.0, cpu_s_per_gib_max=512.0
    )
    text = _text(dataclasses.replace(RESULTS, rows=(small,)), "small")
    assert _cells(text, "ours")[1:3] == ["0.50", "(0.50-0.50)"]
    assert "CPU s (min-max)" in text


def test_nothing_is_wider_than_a_terminal() -> None:
    widest = dataclasses.replace(
        FAST,
        cpu_s_per_gib=1234.56,
        cpu_s_per_gib_min=1234.5,
        cpu_s_per_gib_max=1234.5,
        wall_s=999.9,
        wall_s_min=999.9,
        wall_s_max=999.9,
        mb_s=12345,
        peak_rss_mb=1234.5,
    )
    rows = (widest, dataclasses.replace(widest, engine="rclone-4-streams"))
    failed = (Failure("rclone-4-streams", "unlimited", "x " * 200), Failure("ours", "unlimited", "x" * 200))
    versions = {f"package-{n}": "1.2.3" for n in range(20)}
    results = dataclasses.replace(RESULTS, rows=rows, failed=failed, versions=versions)
    goals = [Goal("g" * 60, 1.0, at_most=True, got=1.0, note="n " * 50)]
    text = rendered(results, _scenarios("unlimited", engines=("ours", "rclone-4-streams")), goals, {}, 3)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert text.count("x") >= 400
    assert "…" not in text
