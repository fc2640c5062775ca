"""``--state``: whose folder it may be, what it goes with, and which cookies are used again."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.state import AccountState
from sandbox.cli import run_options
from sandbox.run.earlier import served_or_kept
from sandbox.run.errors import SandboxError, UsageError
from sandbox.run.fingerprints import Fingerprint, fingerprint
from sandbox.run.keeping import open_state, with_kept_credentials
from sandbox.run.options import RemoteGoPro, RunOptions
from sandbox.run.state_folder import MARKER, OBJECTS, state_folder
from sandbox.run.work_folder import remove_stale, work_folder

GOOD = {"cookies": "gp_access_token=abcdefgh", "user-agent": "Mozilla/5.0"}
URL = "http://127.0.0.1:1"


# The folder


@pytest.mark.verifies("state.private")
def test_a_new_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with state_folder(tmp_path / "a" / "state") as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (folder / MARKER).exists()


@pytest.mark.verifies("state.folder")
def test_what_is_in_a_folder_of_ours_stays(tmp_path: Path) -> None:
    with state_folder(tmp_path / "state") as folder:
        (folder / OBJECTS).mkdir()
        (folder / OBJECTS / "file").write_text("precious")
        (folder / "account.sqlite").write_text("precious")
    with state_folder(tmp_path / "state") as folder:
        assert (folder / OBJECTS / "file").read_text() == (folder / "account.sqlite").read_text() == "precious"


@pytest.mark.verifies("state.folder")
@pytest.mark.parametrize("name", ["holiday.mp4", "account.sqlite", ".gopro-sandbox"])
def test_a_folder_that_is_not_ours_is_refused_untouched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    mode = tmp_path.stat().st_mode
    with pytest.raises(UsageError, match=r"--state .* not ours"), state_folder(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert tmp_path.stat().st_mode == mode


@pytest.mark.verifies("state.folder")
def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    with (
        state_folder(tmp_path / "state"),
        pytest.raises(SandboxError, match=r"--state .* in use by another sandbox run"),
        state_folder(tmp_path / "state"),
    ):
        pass


# Options


def test_the_options_are_taken_over(tmp_path: Path) -> None:
    options = run_options(["run", "--state", str(tmp_path / "s"), "--out", str(tmp_path / "o"), "--scheduled"])
    assert (options.state, options.scheduled, options.input) == (tmp_path / "s", True, {})


def test_a_schedule_has_its_own_input() -> None:
    with pytest.raises(UsageError, match="--scheduled and --input exclude each other"):
        run_options(["run", "--scheduled", "--input", "{}"])


@pytest.mark.parametrize(("state", "out"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a", "b/../a/c")])
def test_state_and_out_are_two_folders(tmp_path: Path, state: str, out: str) -> None:
    with pytest.raises(UsageError, match="two folders"):
        run_options(["run", "--state", str(tmp_path / state), "--out", str(tmp_path / out)])


def test_cookies_may_be_left_out_only_with_a_state(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs --credentials"):
        run_options(["run", "--gopro-url", URL])
    remote = run_options(["run", "--gopro-url", URL, "--state", str(tmp_path)]).remote
    assert remote == RemoteGoPro(URL, {})


# Cookies


def _store(folder: Path, url: str) -> None:
    """What a run leaves: the secret's value, and whom it is for."""
    with AccountState(folder) as state, state.new_secret(url):
        versions = {"v": {"secret_string": json.dumps(GOOD), "version_stages": ["AWSCURRENT"]}}
        document = {"versions": versions, "default_version_id": "v", "deleted_date": None}
        state._store.write("INSERT INTO secrets VALUES (?, ?)", ("gopro/credentials", json.dumps(document)))


@contextmanager
def _options(folder: Path, url: str = URL) -> Any:
    options = RunOptions(remote=RemoteGoPro(url, {}), state=folder)
    with open_state(options) as state:
        yield with_kept_credentials(options, state)


@pytest.mark.verifies("state.secrets")
def test_kept_cookies_are_used_again(tmp_path: Path) -> None:
    _store(tmp_path, URL)
    with _options(tmp_path) as options:
        assert options.remote == RemoteGoPro(URL, GOOD)


@pytest.mark.verifies("state.secrets")
def test_cookies_are_not_sent_to_a_server_that_they_were_not_given_for(tmp_path: Path) -> None:
    _store(tmp_path, URL)
    with (
        pytest.raises(UsageError, match=r"no cookies for http://127\.0\.0\.1:2; give --credentials"),
        _options(tmp_path, "http://127.0.0.1:2"),
    ):
        pass


def test_a_state_without_cookies_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give --credentials FILE, once is enough"), _options(tmp_path):
        pass


@pytest.mark.verifies("state.folder")
def test_a_persons_archive_and_the_simulators_do_not_mix(tmp_path: Path) -> None:
    _store(tmp_path, URL)
    with _options(tmp_path):
        pass
    with (
        pytest.raises(UsageError, match="was made with a server of --gopro-url"),
        open_state(RunOptions(state=tmp_path)),
    ):
        pass


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "account.sqlite").write_bytes(b"no database" * 100)
    with (
        pytest.raises(SandboxError, match=r"--state .*cannot be read") as refusal,
        open_state(RunOptions(state=tmp_path)),
    ):
        pass
    assert "\n" not in str(refusal.value)


# Folders of killed runs


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.verifies("run.stale-folders")
def test_folders_of_killed_runs_are_removed_and_live_ones_are_not(temporary: Path) -> None:
    dead, foreign, log = temporary / "gopro-sandbox-dead", temporary / "other", temporary / "gopro-sandbox-error-1.log"
    for folder in (dead, foreign):
        (folder / "deep").mkdir(parents=True)
    log.write_text("a traceback")
    with work_folder() as live:
        (live / "file").write_text("in use")
        remove_stale()
        with work_folder() as second:
            assert {entry.name for entry in temporary.iterdir()} == {live.name, second.name, "other", log.name}
        assert (live / "file").exists()
    assert {entry.name for entry in temporary.iterdir()} == {"other", log.name}


@pytest.mark.verifies("run.stale-folders")
def test_a_link_with_our_name_is_left_alone(temporary: Path) -> None:
    (temporary / "precious").mkdir()
    (temporary / "gopro-sandbox-link").symlink_to(temporary / "precious")
    remove_stale()
    assert (temporary / "gopro-sandbox-link").is_symlink()


def test_a_work_folder_is_locked_as_soon_as_it_has_its_name(temporary: Path) -> None:
    with work_folder() as folder:
        descriptor = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
    assert list(temporary.iterdir()) == []


# What was archived before


@dataclass(frozen=True)
class Kept:
    """An object of an earlier invocation."""

    path: Path
    key: str = "k"
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """A file of the library."""

    fingerprint: Fingerprint
    required: bool = True


def test_what_is_no_longer_served_has_to_stay_and_what_is_served_counts_once(tmp_path: Path) -> None:
    for name in ("same", "old", "gone", "now"):
        (tmp_path / name).write_text("x" if name == "now" else name)
    (tmp_path / "now-same").write_text("same")
    of_a = {"source-media-id": "a"}
    earlier = [
        Kept(tmp_path / "same", metadata=of_a),
        Kept(tmp_path / "old", metadata=of_a),
        Kept(tmp_path / "gone", metadata={"source-media-id": "b"}),
    ]
    library: dict[str, Sequence[Served]] = {
        "a": [Served(fingerprint(tmp_path / "now")), Served(fingerprint(tmp_path / "now-same"), required=False)]
    }
    served = served_or_kept(lambda media_id: library.get(media_id, []), earlier)
    assert served is not None
    assert [(piece.fingerprint, piece.required) for piece in served("a")] == [
        (fingerprint(tmp_path / "now"), True),
        (fingerprint(tmp_path / "now-same"), False),
        (fingerprint(tmp_path / "old"), True),
    ]
    assert [(piece.fingerprint, piece.required) for piece in served("b")] == [(fingerprint(tmp_path / "gone"), True)]
    assert served("c") == []


def test_a_source_that_nobody_knows_stays_unknown(tmp_path: Path) -> None:
    assert served_or_kept(None, [Kept(tmp_path)]) is None
