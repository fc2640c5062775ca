"""Follows an execution while it runs: bytes as they reach the bucket, media as they end, phases as they begin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sandbox.run.display import Display
from sandbox.run.phases import PHASE_OF_STATE, Phases
from sandbox.run.progress import Progress

_SHARE = 10
"""Looking at records takes at most one part in this many of the time, however many media there are."""


MEDIUM_DONE = "Medium done"
"""The state that ends a medium's execution with its outcome."""


class StoredDocument(Protocol):
    """An object of the runs bucket."""

    @property
    def key(self) -> str:
        """The object's whole key."""

    @property
    def path(self) -> Path:
        """The content on disk."""


class StateRecord(Protocol):
    """One visit of a state; ``parent_map`` is ``None`` in the parent execution."""

    @property
    def parent_map(self) -> str | None:
        """The Map that the state's execution belongs to."""

    @property
    def state_name(self) -> str:
        """The state's name in the definition."""

    @property
    def state_type(self) -> str:
        """The state's type in the definition."""

    @property
    def exited_at(self) -> str | None:
        """When it was left; ``None`` while at work."""

    @property
    def input(self) -> Any:
        """The state's input."""

    @property
    def output(self) -> Any:
        """The state's output; ``None`` for Fail."""


class ByteTap:
    """Leads the bytes that the S3 server receives to whoever counts at the moment. Called by the server's threads."""

    def __init__(self) -> None:
        self.bucket: str | None = None
        self.progress: Progress | None = None

    def __call__(self, bucket: str, key: str, count: int) -> None:
        """Note ``count`` bytes of the medium that the key names: its folder (``.../<media id>/<file>``)."""
        if self.progress is not None and bucket == self.bucket:
            folder, _, _ = key.rpartition("/")
            self.progress.add_bytes(folder.rpartition("/")[2], count)


@dataclass(slots=True)
class Watcher:
    """Looks at one execution whenever ``look`` is called and tells the display what is new.

    ``documents`` lists the runs bucket, ``records`` the visited states; ``known`` are the keys that were there before.
    """

    documents: Callable[[], Iterable[StoredDocument]]
    records: Callable[[], Sequence[StateRecord]]
    known: frozenset[str]
    progress: Progress
    phases: Phases
    display: Display
    clock: Callable[[], float]
    _listed: bool = False
    _next_look: float = float("-inf")

    def look(self) -> None:
        """One look. Cheap: the costly part is skipped until it is due again."""
        start = self.clock()
        if start >= self._next_look:
            self._read_manifest()
            self._read_records()
            self._next_look = self.clock() + (self.clock() - start) * _SHARE
        self.display.refresh(self.progress.snapshot())

    def _read_manifest(self) -> None:
        """The manifest says which media are to be copied and what the listing thinks of their sizes."""
        if self._listed:
            return
        for document in self.documents():
            if document.key.endswith("/manifest.json") and document.key not in self.known and _is_run(document.key):
                for medium in json.loads(document.path.read_bytes()):
                    self.progress.expect(medium["media_id"], medium["filename"], medium["file_size"])
                self._listed = True

    def _read_records(self) -> None:
        for record in self.records():
            if record.parent_map is None:
                if phase := PHASE_OF_STATE.get(record.state_name):
                    self.phases.advance(phase)
            elif record.exited_at and (end := _end_of_medium(record)):
                done = self.progress.finish(*end)
                if done is not None:
                    self.display.medium_done(done)


def _is_run(key: str) -> bool:
    """Tell ``runs/<run id>/manifest.json`` from the one that the Map's ResultWriter leaves further down."""
    return key.count("/") == 2


def _end_of_medium(record: StateRecord) -> tuple[str, str] | None:
    """The medium and how it ended, if this state ends a medium's execution."""
    if record.state_name == MEDIUM_DONE and isinstance(record.output, dict):
        return str(record.output["media_id"]), str(record.output["outcome"])
    if record.state_type == "Fail" and isinstance(record.input, dict) and "media_id" in record.input:
        return str(record.input["media_id"]), "RUN STOPPED"
    return None
