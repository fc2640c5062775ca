"""The goals of the issue against figures that meet them, miss them, or are not there."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.goals import Goal, goals
from benchmarks.results import Results, Row

GIB = 1024**3
EMPTY = Results("a machine", "OpenSSL 3", "2026-11-23", "nginx", {}, ())


def _row(engine: str, scenario: str, *, cpu: float = 1.0, wall: float = 1.0, rss: float = 60.0) -> Row:
    return Row(engine, scenario, 1.0, cpu, wall, 1000 / wall, rss, 3, cpu, cpu, cpu, wall, wall, 0.5, 0.5)


def _goal(what: str, *rows: Row, imports: float | None = None) -> Goal:
    found = goals(dataclasses.replace(EMPTY, rows=rows, imports_rss_mb=imports))
    [goal] = [each for each in found if each.what == what]
    return goal


def test_nothing_measured_is_neither_met_nor_missed() -> None:
    found = goals(EMPTY)
    assert {goal.met for goal in found} == {None}
    assert all("not measured" in goal.line() for goal in found)


@pytest.mark.parametrize(
    ("peer", "theirs", "met"),
    [
        ("buffered", 1 / 0.44, True),
        ("buffered", 1 / 0.46, False),
        ("rclone-4-streams", 2.1, True),
        ("rclone-4-streams", 1.9, False),
        ("boto3-best", 1 / 0.64, True),
        ("boto3-best", 1 / 0.66, False),
        ("opendal", 1.0, True),
        ("opendal", 0.99, False),
        ("obstore", 0.99, False),
    ],
)
def test_cpu_is_compared_with_that_of_each_peer(peer: str, theirs: float, met: bool) -> None:
    goal = _goal(f"CPU over that of {peer}", _row("ours", "unlimited"), _row(peer, "unlimited", cpu=theirs))
    assert goal.met is met
    assert goal.got == pytest.approx(1 / theirs)


def test_memory_is_what_comes_on_top_of_the_imports() -> None:
    rows = _row("ours", "memory-1MiB", rss=63), _row("ours", "memory-16GiB", rss=69)
    assert _goal("memory above imports at 1MiB", *rows, imports=60).got == 3
    assert _goal("memory above imports at 1MiB", *rows, imports=60).met is True
    assert _goal("memory above imports at 16GiB", *rows, imports=60).met is False
    assert _goal("memory above imports at 1MiB", *rows).met is None


@pytest.mark.parametrize(("workers", "wall", "met"), [(4, 5.7, True), (4, 5.8, False), (8, 3.3, True), (8, 3.4, False)])
def test_workers_are_compared_with_one(workers: int, wall: float, met: bool) -> None:
    rows = (
        _row("ours", "limited-20MBps", wall=1),
        _row("ours", "limited-20MBps-1-workers", wall=20),
        _row("ours", f"limited-20MBps-{workers}-workers", wall=wall),
    )
    assert _goal(f"{workers} workers over one connection at 20 MB/s each", *rows).met is met


def test_speed_under_a_share_counts_the_start_up_and_says_what_it_is_without() -> None:
    slow = dataclasses.replace(_row("ours", "share-512", wall=1000 / 74), transfer_s=10.0)
    goal = _goal("speed under a 512 MB function's share", slow)
    assert goal.met is False
    assert "100 MB/s without it" in goal.line()
    assert _goal("speed under a 512 MB function's share", _row("ours", "share-512", wall=1000 / 76)).met is True


def test_a_line_names_goal_figure_and_answer() -> None:
    assert Goal("speed", 75.0, at_most=False, got=80.0, unit=" MB/s").line() == "  met      speed >= 75 MB/s: 80 MB/s"
    assert Goal("CPU", 0.5, at_most=True, got=0.6).line() == "  NOT MET  CPU <= 0.5: 0.6"
    assert Goal("CPU", 0.5, at_most=True, got=0.6).document() == {"goal": "CPU <= 0.5", "got": 0.6, "met": False}
