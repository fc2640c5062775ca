"""The file of a kept account: private, of one format, and either written or not."""

from __future__ import annotations

import os
import stat
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sandbox.aws.state.store import StateError, Store


class Interrupted(Exception):
    """Comes in the middle of a transaction."""


def test_a_fact_is_there_for_the_next_process_before_the_file_is_closed(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "f")) as first:
        first.set_fact("a", "1")
        with closing(Store(tmp_path / "f")) as second:
            assert (second.fact("a"), second.fact("b")) == ("1", None)


def test_a_transaction_is_whole_or_not_there(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "f")) as store:
        with suppress(Interrupted), store.transaction():
            store.set_fact("a", "1")
            raise Interrupted
        assert store.fact("a") is None
        with store.transaction():
            store.set_fact("a", "1")
        assert store.fact("a") == "1"


@pytest.mark.verifies("state.private")
def test_nobody_else_may_read_any_of_its_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(Store(tmp_path / "f")) as store:
            store.set_fact("a", "1")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"f": 0o600, "f-wal": 0o600, "f-shm": 0o600}


@pytest.mark.verifies("state.format")
def test_another_format_is_refused_in_one_line(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "f")) as store:
        store.set_fact("format", "2")
    with pytest.raises(StateError, match=r"another version of the sandbox \(format 2") as refusal:
        Store(tmp_path / "f")
    assert "\n" not in str(refusal.value)


@pytest.mark.verifies("state.format")
def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"something else entirely" * 100)
    with pytest.raises(StateError, match="cannot be read") as refusal:
        Store(tmp_path / "f")
    assert "\n" not in str(refusal.value)
