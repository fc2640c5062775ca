"""Following an execution: what the records and the runs bucket say becomes phases, sizes and finished media."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.run.display import PlainDisplay
from sandbox.run.phases import PHASE_OF_STATE, Phases
from sandbox.run.progress import Progress
from sandbox.run.watch import ByteTap, Watcher

DEFINITION = Path(__file__).resolve().parents[2] / "cloud_sync" / "state_machine.asl.json"


@dataclass(frozen=True)
class Document:
    """An object of the runs bucket."""

    key: str
    path: Path


@dataclass(frozen=True)
class Record:
    """One visit of a state."""

    state_name: str
    parent_map: str | None = None
    state_type: str = "Task"
    exited_at: str | None = None
    input: Any = None
    output: Any = None


@dataclass
class Run:
    """A watcher with what it looks at; the clock moves by hand."""

    folder: Path
    now: float = 0.0
    documents: list[Document] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    stream: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        display = PlainDisplay(self.stream, self.clock)
        self.progress = Progress(self.clock)
        self.watcher = Watcher(
            documents=lambda: self.documents,
            records=lambda: self.records,
            known=frozenset({"runs/old/manifest.json"}),
            progress=self.progress,
            phases=Phases(display, self.clock),
            display=display,
            clock=self.clock,
        )

    def clock(self) -> float:
        return self.now

    def put(self, key: str, value: object) -> None:
        path = self.folder / f"document{len(self.documents)}"
        path.write_text(json.dumps(value))
        self.documents.append(Document(key, path))

    def look(self) -> list[str]:
        """The lines of one look; only the words of the phases and media, without times."""
        before = len(self.stream.getvalue())
        self.watcher.look()
        return [line.strip() for line in self.stream.getvalue()[before:].splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def medium(media_id: str, size: int | None) -> dict[str, object]:
    return {"media_id": media_id, "filename": f"{media_id}.MP4", "file_size": size, "upload_date": None}


def test_the_states_that_begin_phases_are_states_of_the_definition() -> None:
    assert set(PHASE_OF_STATE) <= set(json.loads(DEFINITION.read_text())["States"])


def test_phases_follow_the_parents_states_and_never_come_back(run: Run) -> None:
    run.records = [Record("Begin the run"), Record("List media")]
    assert run.look() == ["list ..."]
    run.records.append(Record("Sync each medium"))
    assert run.look() == ["list done in 0.0 s", "sync ..."]
    run.records.append(Record("Download medium", parent_map="map"))
    assert run.look() == []
    run.records.append(Record("End the run"))
    assert run.look() == ["sync done in 0.0 s", "report ..."]


def test_sizes_come_from_this_runs_manifest_alone(run: Run) -> None:
    run.put("runs/old/manifest.json", [medium("old", 1)])
    run.put("runs/new/results/map/manifest.json", {"ResultFiles": {}})
    run.look()
    assert run.progress.snapshot().media == 0
    run.put("runs/new/manifest.json", [medium("m1", 100), medium("m2", None)])
    run.look()
    snapshot = run.progress.snapshot()
    assert (snapshot.media, snapshot.size) == (2, 100)


def test_a_medium_is_told_when_its_execution_has_ended(run: Run) -> None:
    at_work = Record("Medium done", "map", "Pass", None, {}, None)
    run.records = [at_work]
    assert run.look() == []
    summary = {"media_id": "m1", "outcome": "COMPLETED"}
    run.records = [Record("Medium done", "map", "Pass", "12:00", {}, summary)]
    assert run.look() == ["m1: COMPLETED (0 B)"]
    assert run.look() == []


def test_a_medium_whose_run_was_stopped_is_told(run: Run) -> None:
    run.records = [Record("Run stopped", "map", "Fail", "12:00", {"media_id": "m1"}, None)]
    assert run.look() == ["m1: RUN STOPPED (0 B)"]


def test_looking_takes_a_small_share_of_the_time(run: Run) -> None:
    looks = []

    def slow() -> list[Record]:
        looks.append(run.now)
        run.now += 1.0
        return []

    run.watcher.records = slow
    for _ in range(20):
        run.look()
        run.now += 1.0
    assert looks == [0.0, 11.0]


def test_bytes_are_led_to_the_medium_that_the_key_names() -> None:
    tap, progress = ByteTap(), Progress(lambda: 0.0)
    tap("archive", "gopro-videos/2024/05/m1/a.mp4", 1)
    tap.bucket, tap.progress = "archive", progress
    tap("archive", "gopro-videos/2024/05/m1/a.mp4", 10)
    tap("archive", "gopro-videos/undated/m2/a.mp4", 20)
    tap("runs", "runs/r1/report.json", 40)
    assert {each.media_id: each.moved for each in progress.snapshot().in_flight} == {"m1": 10, "m2": 20}
