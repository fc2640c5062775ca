"""Runs the trials of a scenario in turn, round after round, and compares what arrived with what was to be copied.

Interleaved (A B C A B C), so that an hour in which this machine is slow is slow for every engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from benchmarks import measuring
from benchmarks.engines import Engine
from benchmarks.measuring import Measured
from benchmarks.peers import Job
from benchmarks.results import Run
from benchmarks.scenarios import Scenario, Trial
from benchmarks.shares import Share
from benchmarks.stage import Served, Stage

_START_S, _SLOWEST_BYTES_PER_SECOND = 60, 5_000_000
_A_SENTENCE, _LONGEST_WORDS = 30, 200
_KEY = "copied/by-{engine}.bin"


class Measure(Protocol):
    """``measuring.run``, as tests replace it."""

    def __call__(self, command: list[str], *, env: Mapping[str, str], share: Share | None, timeout: float) -> Measured:
        """Run a command and measure it."""
        ...


def run_scenario(
    scenario: Scenario,
    stage: Stage,
    engines: Mapping[str, Engine],
    rounds: int,
    *,
    tell: Callable[[str], None],
    measure: Measure = measuring.run,
) -> Iterator[Run]:
    """Yield one ``Run`` for each trial and round; ``tell`` gets a line about each."""
    for number in range(1, rounds + 1):
        for trial in scenario.trials:
            run = run_trial(trial, engines[trial.engine], stage, scenario.share, measure)
            said = run.why or f"{run.wall_s:.2f} s, CPU {run.cpu_s:.2f} s, {run.peak_rss_mb:.1f} MB"
            tell(f"{number}/{rounds} {trial.scenario}, {trial.engine}: {'FAILED: ' if run.why else ''}{said}")
            yield run


def run_trial(
    trial: Trial, engine: Engine, stage: Stage, share: Share | None = None, measure: Measure = measuring.run
) -> Run:
    """Run one trial once. A copy that is missing or has other bytes is a failed run, whatever its exit code says."""
    served = stage.source(max(trial.size, 1))
    key = _KEY.format(engine=trial.engine)
    job = Job(served.url, stage.endpoint_url, str(stage.ca_bundle), stage.bucket, key)
    stage.forget(key)
    sink, source = stage.sink_cpu_seconds(), stage.source_cpu_seconds()
    command = engine.command(job, trial.workers)
    measured = measure(command, env=engine.environment(job), share=share, timeout=_patience(trial))
    why = _failure(measured, share) or (_difference(stage, key, served) if trial.size else None)
    run = Run(
        trial.engine,
        trial.scenario,
        trial.size,
        wall_s=measured.wall_s,
        cpu_s=measured.cpu_s,
        peak_rss_mb=measured.peak_rss_mb,
        sink_cpu_s=stage.sink_cpu_seconds() - sink,
        source_cpu_s=stage.source_cpu_seconds() - source,
        transfer_s=_transfer_seconds(measured.stdout),
        why=why,
    )
    stage.forget(key)
    return run


def _patience(trial: Trial) -> float:
    """Return the seconds after which it is stuck: the slowest seen yet, under the smallest share, makes 20 MB/s."""
    return _START_S + trial.size / _SLOWEST_BYTES_PER_SECOND


def _failure(measured: Measured, share: Share | None) -> str | None:
    if measured.exit_code == 0:
        return None
    if measured.exit_code == -9 and share is not None:
        return f"killed: more memory than {share.memory_mb} MB"
    return f"exit code {measured.exit_code}: {_last_words(measured.stderr) or 'it said nothing'}"


def _last_words(stderr: str) -> str:
    """Return its last line, and those before it while that is no sentence: some libraries end with brackets."""
    said = ""
    for line in reversed(stderr.splitlines()):
        said = f"{' '.join(line.split())} {said}".strip()
        if len(said) >= _A_SENTENCE:
            break
    return said[-_LONGEST_WORDS:]


def _difference(stage: Stage, key: str, served: Served) -> str | None:
    stored = stage.stored(key)
    if stored is None:
        return "no object, though its exit code was 0"
    if stored.size != served.size:
        return f"an object of {stored.size} bytes, not {served.size}"
    if stored.crc64nvme != served.crc64nvme:
        return "an object of the right size with other bytes (CRC64NVME)"
    return None


def _transfer_seconds(stdout: str) -> float | None:
    """Read what ours prints; what a peer prints is its own affair."""
    try:
        return float(json.loads(stdout)["seconds"])
    except (ValueError, KeyError, TypeError):
        return None
