"""Peers against real servers: each copies, and none takes bytes that its CA bundle does not vouch for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from benchmarks import measuring
from benchmarks.engines import Engine, engines
from benchmarks.peers import MIB, Job
from benchmarks.rounds import run_trial
from benchmarks.scenarios import Trial
from benchmarks.stage import Stage

EVERY = [
    pytest.param(engine, marks=pytest.mark.skipif(engine.missing() is not None, reason=f"{engine.missing()}"), id=name)
    for name, engine in engines().items()
]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Stage]]:
    """Two stages, each with an authority of its own."""
    with ExitStack() as stack:
        folders = (tmp_path_factory.mktemp("stage") for _ in range(2))
        first, second = (stack.enter_context(Stage(folder)) for folder in folders)
        yield first, second


@pytest.mark.parametrize("engine", EVERY)
def test_an_engine_copies_in_parts_and_to_the_last_byte(stages: tuple[Stage, Stage], engine: Engine) -> None:
    assert run_trial(Trial(engine.name, "unlimited", 33 * MIB + 1), engine, stages[0]).why is None


@pytest.mark.parametrize("engine", EVERY)
def test_an_engine_takes_nothing_from_a_source_that_nobody_vouches_for(
    stages: tuple[Stage, Stage], engine: Engine
) -> None:
    source, sink = stages
    job = Job(source.source(MIB).url, sink.endpoint_url, str(sink.ca_bundle), sink.bucket, f"by-{engine.name}")
    measuring.run(engine.command(job, None), env=engine.environment(job), timeout=60)
    # Some make an empty object of an error, and a pipe has the exit code of its end.
    stored = sink.stored(job.key)
    assert stored is None or stored.size == 0
