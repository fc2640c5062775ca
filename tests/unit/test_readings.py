"""A listing is believed when it agrees with GoPro's own count, or when reading it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.models import MediaId
from cloud_sync_common.rules.readings import Readings

Pages = Iterable[tuple[str, int | None]]


def read(*readings: Pages) -> Readings:
    """Readings of pages, each the letters on it, one for a medium, and GoPro's count."""
    made, number = Readings(), 0
    for reading, pages in enumerate(readings, start=1):
        for letters, total in pages:
            number += 1
            made.add(number, reading, map(MediaId, letters), {"total_items": total, "problems": 0})
    return made


def test_a_reading_that_agrees_with_the_count_is_believed() -> None:
    readings = read([("ab", 3), ("c", 3)])
    assert (readings.settled, readings.missing, readings.total) == (True, 0, 3)


def test_a_medium_uploaded_meanwhile_is_a_row_twice_and_a_reason_to_look_again() -> None:
    readings = read([("ab", 4), ("bc", 5), ("d", 5)])
    assert (readings.settled, readings.missing) == (False, 1)


def test_a_gap_is_noticed_even_where_the_numbers_agree() -> None:
    # "a" was deleted after page 1 was read, so that "c" moved onto it: three media seen, three counted, "c" missed.
    readings = read([("ab", 4), ("d", 3)])
    assert readings.missing == 0
    assert not readings.settled


def test_more_media_than_gopro_counts_are_a_reason_to_look_again() -> None:
    assert not read([("abc", 2)]).settled


def test_a_second_reading_that_agrees_is_believed_whatever_the_first_was() -> None:
    assert read([("ab", 4), ("d", 3)], [("bc", 3), ("d", 3)]).settled


def test_two_equal_readings_show_that_gopro_counts_otherwise() -> None:
    readings = read([("ab", 5)], [("ba", 5)])
    assert (readings.settled, readings.missing) == (True, 3)


def test_two_readings_of_other_media_are_no_agreement() -> None:
    assert not read([("ab", 5)], [("ac", 5)]).settled


def test_two_equal_readings_of_a_moving_count_are_no_agreement() -> None:
    assert not read([("ab", 4), ("d", 5)], [("ab", 4), ("d", 5)]).settled


def test_a_library_without_a_count_is_believed() -> None:
    readings = read([("ab", None), ("c", None)])
    assert (readings.settled, readings.missing, readings.total) == (True, 0, None)


def test_media_that_only_one_of_two_readings_shows_are_not_missing() -> None:
    assert read([("ab", 3)], [("bc", 3)]).missing == 0


def test_a_first_page_without_media_may_still_count_them() -> None:
    readings = read([("", 971)])
    assert (readings.settled, readings.missing) == (False, 971)


def test_an_empty_library_is_an_empty_library() -> None:
    readings = read([("", 0)])
    assert (readings.settled, readings.missing, len(readings.page_of)) == (True, 0, 0)


def test_a_medium_belongs_to_the_last_page_that_shows_it() -> None:
    assert read([("ab", 3), ("bc", 3)]).page_of == {"a": 1, "b": 2, "c": 2}


def test_rows_without_a_medium_are_counted_in_the_worst_reading_only() -> None:
    readings = Readings()
    for reading, problems in ((1, 2), (2, 3), (2, 1)):
        readings.add(reading, reading, [MediaId("a")], {"total_items": 1, "problems": problems})
    assert readings.problems == 4


@given(st.text("abcdefgh", max_size=8), st.integers(1, 4))
def test_a_library_that_stands_still_is_believed_at_once(letters: str, size: int) -> None:
    library = "".join(dict.fromkeys(letters))
    pages = [(library[start : start + size], len(library)) for start in range(0, len(library), size)]
    readings = read([*pages, ("", len(library))])
    assert readings.settled
    assert set(readings.page_of) == set(library)
