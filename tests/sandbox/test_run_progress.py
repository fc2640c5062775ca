"""The progress model: events in, snapshots out, on a clock of the test's own."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sandbox.run import words
from sandbox.run.display import PLAIN_SECONDS, LiveDisplay, PlainDisplay, open_display
from sandbox.run.phases import Phases
from sandbox.run.progress import RATE_WINDOW, Progress


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress(clock)


def test_nothing_has_happened_at_first(progress: Progress) -> None:
    snapshot = progress.snapshot()
    assert (snapshot.media, snapshot.done, snapshot.size, snapshot.moved, snapshot.rate) == (0, 0, 0, 0, 0.0)
    assert snapshot.left is None
    assert snapshot.in_flight == ()


def test_rate_and_time_left_follow_from_the_bytes(progress: Progress, clock: Clock) -> None:
    progress.expect("m1", "GX010001.MP4", 1000)
    progress.add_bytes("m1", 100)
    clock.now += 1.0
    progress.add_bytes("m1", 100)
    snapshot = progress.snapshot()
    assert snapshot.rate == pytest.approx(200)
    assert snapshot.left == pytest.approx(4)
    (medium,) = snapshot.in_flight
    assert (medium.filename, medium.moved, medium.size) == ("GX010001.MP4", 200, 1000)
    assert medium.left == pytest.approx(4)


def test_a_stall_shows_as_a_rate_of_zero_and_an_unknown_time(progress: Progress, clock: Clock) -> None:
    progress.expect("m1", "a", 1000)
    progress.add_bytes("m1", 100)
    clock.now += RATE_WINDOW + 0.1
    snapshot = progress.snapshot()
    assert snapshot.rate == 0
    assert snapshot.left is None


def test_bytes_that_are_sent_twice_never_make_the_rest_negative(progress: Progress) -> None:
    progress.expect("m1", "a", 100)
    progress.expect("m2", "b", 50)
    progress.add_bytes("m1", 250)
    snapshot = progress.snapshot()
    assert snapshot.size == 300
    assert snapshot.left is not None
    assert snapshot.left * snapshot.rate == pytest.approx(50)


@pytest.mark.parametrize("unknown", [None, 0])
def test_a_medium_of_unknown_size_is_shown_without_time_left(progress: Progress, unknown: int | None) -> None:
    progress.expect("m1", "", unknown)
    progress.add_bytes("m1", 10)
    (medium,) = progress.snapshot().in_flight
    assert (medium.filename, medium.size, medium.left) == ("m1", None, None)


def test_a_finished_medium_is_told_once_and_counts_what_it_moved(progress: Progress) -> None:
    progress.expect("m1", "a", 1000)
    progress.add_bytes("m1", 900)
    done = progress.finish("m1", "COMPLETED")
    assert done is not None
    assert (done.status, done.moved) == ("COMPLETED", 900)
    assert progress.finish("m1", "COMPLETED") is None
    snapshot = progress.snapshot()
    assert (snapshot.done, snapshot.size, snapshot.moved) == (1, 900, 900)
    assert snapshot.in_flight == ()


def test_plain_lines_come_when_due_and_only_with_news(progress: Progress, clock: Clock) -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream, clock)
    progress.expect("m1", "a", 4_000_000)
    display.refresh(progress.snapshot())
    assert stream.getvalue() == ""
    progress.add_bytes("m1", 1_000_000)
    display.refresh(progress.snapshot())
    progress.add_bytes("m1", 1_000_000)
    display.refresh(progress.snapshot())
    assert stream.getvalue().count("\n") == 1
    clock.now += PLAIN_SECONDS
    display.refresh(progress.snapshot())
    assert stream.getvalue().splitlines()[-1].strip().startswith("0/1 media, 2.0 MB of 4.0 MB, ")
    clock.now += PLAIN_SECONDS
    display.refresh(progress.snapshot())
    assert stream.getvalue().count("\n") == 2


def test_phases_are_told_once_each_with_their_seconds(clock: Clock) -> None:
    stream = io.StringIO()
    phases = Phases(PlainDisplay(stream, clock), clock)
    phases.enter("list")
    clock.now += 1.5
    phases.enter("list")
    phases.enter("sync")
    clock.now += 2.0
    phases.leave()
    phases.leave()
    assert stream.getvalue().splitlines() == ["list ...", "list done in 1.5 s", "sync ...", "sync done in 2.0 s"]


def test_a_phase_that_breaks_off_is_not_called_done(clock: Clock) -> None:
    stream = io.StringIO()
    phases = Phases(PlainDisplay(stream, clock), clock)
    with pytest.raises(RuntimeError), phases.of("deploy"):
        raise RuntimeError
    assert stream.getvalue() == "deploy ...\n"


def test_a_terminal_gets_bars_with_bytes_rate_and_time_left(progress: Progress, clock: Clock) -> None:
    stream = io.StringIO()
    display = LiveDisplay(Console(file=stream, force_terminal=True, width=160, color_system=None))
    progress.expect("m1", "GX[bold]1.MP4", 4_000_000)
    progress.add_bytes("m1", 1_000_000)
    clock.now += 1
    display.refresh(progress.snapshot())
    done = progress.finish("m1", "COMPLETED")
    assert done is not None
    display.medium_done(done)
    display.close()
    assert "GX[bold]1.MP4: COMPLETED (1.0 MB)" in stream.getvalue()
    assert "1.0 MB of 4.0 MB, 1.0 MB/s, 3 s left" in stream.getvalue()


def test_a_file_gets_lines_even_if_bars_were_wished_for(clock: Clock) -> None:
    assert isinstance(open_display(io.StringIO(), clock, live=True), PlainDisplay)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (12_582_912, "12.6 MB")]
)
def test_sizes_are_written_in_decimal_units(count: int, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "?"), (0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_written_as_people_say_them(value: float | None, text: str) -> None:
    assert words.seconds(value) == text


def test_a_hostile_name_does_nothing_to_the_terminal(progress: Progress) -> None:
    progress.expect("m1", "a\x1b[2J\u202eb\nc.MP4", 1)
    progress.expect("m2", "\n\u202e", 1)
    progress.add_bytes("m1", 1)
    progress.add_bytes("m2", 1)
    assert [medium.filename for medium in progress.snapshot().in_flight] == ["a [2J b c.MP4", "m2"]
