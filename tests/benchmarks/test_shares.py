"""Control groups: which files get which values, where, and that nothing is left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import shares
from benchmarks.shares import NoShares, Share, held


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control group's files go with its folder; those of a made-up one have to be told."""
    monkeypatch.setattr(shares, "_remove", shutil.rmtree)


_V1 = "2:cpu,cpuacct:/here\n1:memory:/here/deep\n0::/\n"


def _first_version(root: Path) -> None:
    for folder in ("cpu/here", "memory/here/deep"):
        (root / folder).mkdir(parents=True)


def _second_version(root: Path, *, handed_on: dict[str, str]) -> None:
    (root / "cgroup.controllers").write_text("cpu memory pids\n")
    for folder in ("", "user", "user/session"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "cgroup.subtree_control").write_text(handed_on.get(folder, ""))


def _written(folders: list[Path], root: Path) -> dict[str, str]:
    """What was written, by path."""
    files = [file for folder in folders for file in folder.iterdir()]
    return {f"{file.parent.parent.relative_to(root)}/{file.name}": file.read_text() for file in files}


@pytest.mark.parametrize(("memory_mb", "quota_us"), [(128, 1447), (256, 2894), (1769, 20_000), (3538, 40_000)])
def test_the_processor_is_in_proportion_to_the_memory(memory_mb: int, quota_us: int) -> None:
    assert Share(memory_mb).quota_us == quota_us


@pytest.mark.parametrize("memory_mb", [0, 127, 10_241])
def test_there_is_no_such_function(memory_mb: int) -> None:
    with pytest.raises(ValueError, match="128 to 10240 MB"):
        Share(memory_mb)


def test_version_1_is_written_below_the_groups_that_this_process_is_in(tmp_path: Path) -> None:
    _first_version(tmp_path)

    with held(Share(512), root=tmp_path, own=_V1) as folders:
        written = _written(folders, tmp_path)

    assert written == {
        "cpu/here/cpu.cfs_period_us": "20000",
        "cpu/here/cpu.cfs_quota_us": "5789",
        "memory/here/deep/memory.limit_in_bytes": "536870912",
    }
    assert not any(folder.exists() for folder in folders)


def test_version_1_in_a_container_that_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    for folder in ("cpu", "memory"):
        (tmp_path / folder).mkdir()

    with held(Share(512), root=tmp_path, own=_V1) as folders:
        written = _written(folders, tmp_path)

    assert len(written) == 3
    assert [folder.parent for folder in folders] == [tmp_path / "cpu", tmp_path / "memory"]


def test_version_1_without_a_controller_says_which(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()

    with pytest.raises(NoShares, match="no control group for cpu"), held(Share(512), root=tmp_path, own=_V1):
        pass


def test_version_2_is_written_where_cpu_and_memory_are_handed_on(tmp_path: Path) -> None:
    _second_version(tmp_path, handed_on={"": "cpu memory", "user": "cpu memory pids", "user/session": "pids"})

    with held(Share(512), root=tmp_path, own="0::/user/session\n") as folders:
        written = _written(folders, tmp_path)

    assert written == {"user/cpu.max": "5789 20000", "user/memory.max": "536870912"}


def test_version_2_where_nothing_is_handed_on_says_so(tmp_path: Path) -> None:
    _second_version(tmp_path, handed_on={"": "pids"})

    with (
        pytest.raises(NoShares, match="hands cpu and memory on"),
        held(Share(512), root=tmp_path, own="0::/user/session\n"),
    ):
        pass


def test_a_group_that_cannot_be_made_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    # One folder for both controllers: the second group of the same name cannot be made.
    (tmp_path / "memory").symlink_to(tmp_path / "cpu")

    with pytest.raises(NoShares, match="File exists"), held(Share(512), root=tmp_path, own=_V1):
        pass

    assert not list((tmp_path / "cpu").iterdir())


def test_what_is_not_possible_here_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shares, "held", lambda share: held(share, root=tmp_path, own=_V1))

    why = shares.shares_available()

    assert why
    assert "\n" not in why
