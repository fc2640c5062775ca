"""What is measured, for whom, and of what size."""

from __future__ import annotations

import pytest

from benchmarks.engines import IMPORTS, OURS, engines
from benchmarks.peers import MIB
from benchmarks.scenarios import GIB, Scenario, Trial, chosen_scenarios, names
from benchmarks.shares import Share


def _chosen(*asked: str, present: tuple[str, ...] = tuple(engines()), largest: int | None = None) -> list[Scenario]:
    return chosen_scenarios(asked, present, size=4 * GIB, largest=largest)


def test_every_engine_is_measured_without_limits_and_at_start_up() -> None:
    for scenario in _chosen("unlimited", "small"):
        assert [trial.engine for trial in scenario.trials if trial.workers is None] == list(engines())


def test_a_slow_source_is_slow_for_every_engine() -> None:
    [limited] = _chosen("limited")
    assert limited.bytes_per_second == 20_000_000
    assert {OURS, "opendal-ranges", "obstore-ranges", "rclone-4-streams", "boto3-best"} <= {
        trial.engine for trial in limited.trials
    }
    [size] = {trial.size for trial in limited.trials}
    assert 10 <= size / 20_000_000 <= 20


def test_ours_is_shown_with_one_four_and_eight_workers() -> None:
    [workers] = _chosen("workers")
    assert workers.bytes_per_second == 20_000_000
    assert [(trial.engine, trial.scenario, trial.workers) for trial in workers.trials] == [
        (OURS, f"limited-20MBps-{n}-workers", n) for n in (1, 4, 8)
    ]


@pytest.mark.parametrize("memory", [256, 512, 1024, 1769])
def test_shares_are_those_of_functions(memory: int) -> None:
    [scenario] = _chosen(f"share-{memory}")
    assert scenario.share == Share(memory)
    assert {OURS, "opendal", "buffered"} <= {trial.engine for trial in scenario.trials}


def test_memory_is_that_of_ours_at_every_size_and_of_its_imports() -> None:
    [scenario] = _chosen("memory")
    sizes = (("1MiB", MIB), ("1GiB", GIB), ("4GiB", 4 * GIB), ("16GiB", 16 * GIB))
    assert scenario.trials == (
        Trial(IMPORTS, "memory-imports", 0),
        *(Trial(OURS, f"memory-{label}", size) for label, size in sizes),
    )


def test_a_quick_run_is_small_and_says_what_it_copied() -> None:
    for scenario in _chosen(*(name for name in names() if name != "unlimited"), largest=64 * MIB):
        assert max(trial.size for trial in scenario.trials) <= 64 * MIB
    [memory] = _chosen("memory", largest=64 * MIB)
    assert [trial.scenario for trial in memory.trials] == ["memory-imports", "memory-1MiB", "memory-64MiB"]


def test_a_scenario_without_an_engine_is_left_out() -> None:
    assert _chosen("memory", "share-256", "small", present=("boto3",)) == _chosen("small", present=("boto3",))


def test_scenarios_come_in_their_own_order() -> None:
    assert [each.name for each in _chosen(*reversed(names()))] == list(names())
