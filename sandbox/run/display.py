"""Progress for people: bars on a terminal, plain lines anywhere else. Draws snapshots, whatever their origin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from sandbox.run import words
from sandbox.run.progress import MediumProgress, Snapshot

PLAIN_SECONDS = 2.0
"""A plain overall line at most this often: logs of CI jobs keep every one of them."""

_OVERALL = ""


class Display(Protocol):
    """What the session tells; called from one thread only."""

    def phase_began(self, name: str) -> None:
        """Announce a phase."""

    def phase_ended(self, name: str, seconds: float) -> None:
        """Close a phase with its duration."""

    def medium_done(self, medium: MediumProgress) -> None:
        """Tell of a medium that has reached its end, good or bad."""

    def refresh(self, snapshot: Snapshot) -> None:
        """Show where things stand."""

    def close(self) -> None:
        """Leave the terminal as it was; idempotent."""


def overall_line(snapshot: Snapshot) -> str:
    """Media, bytes, rate and time left in one line."""
    return (
        f"{snapshot.done}/{snapshot.media} media, {words.size(snapshot.moved)} of {words.size(snapshot.size)}, "
        f"{words.size(snapshot.rate)}/s, {words.seconds(snapshot.left)} left"
    )


def medium_line(medium: MediumProgress) -> str:
    """The end of a medium in one line."""
    return f"  {medium.filename}: {medium.status} ({words.size(medium.moved)})"


class PlainDisplay:
    """Lines only: phases, finished media, and an overall line every ``PLAIN_SECONDS`` in which something moved."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._last_time = float("-inf")
        self._last_moved = 0

    def phase_began(self, name: str) -> None:
        """Print that the phase begins."""
        self._print(f"{name} ...")

    def phase_ended(self, name: str, seconds: float) -> None:
        """Print how long the phase took."""
        self._print(f"{name} done in {seconds:.1f} s")

    def medium_done(self, medium: MediumProgress) -> None:
        """Print the medium's result."""
        self._print(medium_line(medium))

    def refresh(self, snapshot: Snapshot) -> None:
        """Print the overall line, if it is due and says something new."""
        if snapshot.moved == self._last_moved or self._clock() - self._last_time < PLAIN_SECONDS:
            return
        self._last_time = self._clock()
        self._last_moved = snapshot.moved
        self._print(f"  {overall_line(snapshot)}")

    def close(self) -> None:
        """Nothing to put back."""

    def _print(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class LiveDisplay:
    """Bars that are redrawn in place: one for everything, one for each medium that has bytes under way."""

    def __init__(self, console: Console) -> None:
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._bars.start()

    def phase_began(self, name: str) -> None:
        """Show the phase above the bars."""
        self._print(f"{name} ...")

    def phase_ended(self, name: str, seconds: float) -> None:
        """Show how long the phase took."""
        self._print(f"{name} done in {seconds:.1f} s")

    def medium_done(self, medium: MediumProgress) -> None:
        """Take the medium's bar away and leave a line in its place."""
        task = self._tasks.pop(medium.media_id, None)
        if task is not None:
            self._bars.remove_task(task)
        self._print(medium_line(medium))

    def refresh(self, snapshot: Snapshot) -> None:
        """Move the bars."""
        if not snapshot.media:
            return
        self._move(_OVERALL, "all media", snapshot.moved, snapshot.size, overall_line(snapshot))
        for medium in snapshot.in_flight:
            numbers = f"{words.size(medium.moved)}, {words.size(medium.rate)}/s, {words.seconds(medium.left)} left"
            self._move(medium.media_id, medium.filename, medium.moved, medium.size, numbers)

    def close(self) -> None:
        """Stop redrawing and take the bars away: the summary says it all."""
        for task in self._tasks.values():
            self._bars.remove_task(task)
        self._tasks.clear()
        self._bars.stop()

    def _move(self, name: str, description: str, moved: int, total: int | None, numbers: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(description, total=total, numbers="")
        self._bars.update(self._tasks[name], completed=moved, total=total, numbers=numbers)

    def _print(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False)


def open_display(stream: TextIO, clock: Callable[[], float], *, live: bool) -> Display:
    """Bars if ``live`` and the stream is a terminal, lines otherwise."""
    console = Console(file=stream)
    return LiveDisplay(console) if live and console.is_terminal else PlainDisplay(stream, clock)
