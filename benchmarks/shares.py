"""The part of a processor and the memory that a Lambda function of some size has, by Linux control groups.

Sources: Lambda gives one vCPU at 1,769 MB and in proportion below (AWS Lambda guide, "Configure Lambda function
memory"); cgroups-v1 cpu and memory controllers, and cgroup-v2 ``cpu.max`` and ``memory.max`` (kernel documentation).
"""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import kernel

_MB_PER_VCPU = 1769
_PERIOD_US = 20_000
_LEAST_MB, _MOST_MB = 128, 10_240
_EMPTY_WITHIN_S = 5.0
_ROOT = Path("/sys/fs/cgroup")
_counter = itertools.count()


class NoShares(Exception):
    """This machine, or this user, cannot put a command under a share; one line that says why."""


@dataclass(frozen=True, slots=True)
class Share:
    """A function of ``memory_mb`` MB, as Lambda counts them (1,048,576 bytes); ``ValueError`` outside 128 to 10,240."""

    memory_mb: int

    def __post_init__(self) -> None:
        if not _LEAST_MB <= self.memory_mb <= _MOST_MB:
            raise ValueError(f"a function has {_LEAST_MB} to {_MOST_MB} MB, not {self.memory_mb}")

    @property
    def vcpus(self) -> float:
        """How much processor it has."""
        return self.memory_mb / _MB_PER_VCPU

    @property
    def quota_us(self) -> int:
        """Microseconds of processor in each 20 ms."""
        return round(_PERIOD_US * self.vcpus)


def shares_available() -> str | None:
    """``None`` if a command can be put under a share here, else one line that says why not. Tries it."""
    try:
        kernel.demand_linux()
        with held(Share(_MOST_MB)) as folders:
            joined = subprocess.run(  # a shell, so that it is not this process that moves
                ["/bin/sh", "-c", 'for folder; do echo 0 > "$folder/cgroup.procs" || exit 1; done', "sh", *folders],
                capture_output=True,
                text=True,
                check=False,
            )
    except (NoShares, kernel.NotLinux) as error:
        return str(error)
    return f"no process can be moved into a control group: {joined.stderr.strip()}" if joined.returncode else None


@contextmanager
def held(share: Share, *, root: Path = _ROOT, own: str | None = None) -> Iterator[list[Path]]:
    """The folders of control groups of this share: a process that writes 0 to ``cgroup.procs`` of each is under it.

    They are removed at the end, when no process may be left in them. ``root`` and ``own`` (the text of
    /proc/self/cgroup) are given by tests. ``NoShares`` if they cannot be made.
    """
    settings = _settings(share, root, Path("/proc/self/cgroup").read_text() if own is None else own)
    name = f"benchmark-{os.getpid()}-{next(_counter)}"
    with ExitStack() as stack:
        folders = []
        for parent, files in settings.items():
            folder = parent / name
            try:
                folder.mkdir()
                stack.callback(_remove, folder)
                _write(folder, files)
            except OSError as error:
                raise NoShares(f"no control group can be made in {parent}: {error.strerror}") from error
            folders.append(folder)
        yield folders


def _settings(share: Share, root: Path, own: str) -> dict[Path, Mapping[str, int | str]]:
    """What to write, by the folder in which to make the control group."""
    places = {names: path for _, names, path in (line.split(":", 2) for line in own.splitlines())}
    memory = share.memory_mb * 1024 * 1024
    if (root / "cgroup.controllers").exists():
        parent = _unified_parent(root, places.get("", "/"))
        return {
            parent: {
                "cpu.max": f"{share.quota_us} {_PERIOD_US}",
                "memory.max": memory,
                "memory.swap.max?": 0,
            }
        }
    by_controller = {name: path for names, path in places.items() for name in names.split(",")}
    missing = [name for name in ("cpu", "memory") if name not in by_controller or not (root / name).is_dir()]
    if missing:
        raise NoShares(f"this kernel offers no control group for {' and '.join(missing)} under {root}")
    # Below this process's own group, so that its limits go on holding.
    return {
        _existing(root / "cpu", by_controller["cpu"]): {
            "cpu.cfs_period_us": _PERIOD_US,
            "cpu.cfs_quota_us": share.quota_us,
        },
        _existing(root / "memory", by_controller["memory"]): {
            "memory.limit_in_bytes": memory,
            "memory.memsw.limit_in_bytes?": memory,
        },
    }


def _existing(mount: Path, own: str) -> Path:
    """A container sees its own group as the root of the mount, while /proc may go on naming it from outside."""
    inside = mount / own.lstrip("/")
    return inside if inside.is_dir() else mount


def _unified_parent(root: Path, own: str) -> Path:
    """The nearest group upwards that hands cpu and memory on: one with processes in it cannot (cgroup-v2)."""
    nearest = _existing(root, own)
    for folder in (nearest, *nearest.parents):
        handed_on = (folder / "cgroup.subtree_control").read_text().split()
        if {"cpu", "memory"} <= set(handed_on) and os.access(folder, os.W_OK):
            return folder
        if folder == root:
            break
    raise NoShares("no control group that this user may write to hands cpu and memory on: root, or a delegated scope")


def _write(folder: Path, files: Mapping[str, int | str]) -> None:
    """A name that ends in a question mark is of a limit on swap, which kernels without swap accounting lack."""
    for name, value in files.items():
        file = folder / name.removesuffix("?")
        if not name.endswith("?") or file.exists():
            file.write_text(str(value))


def _remove(folder: Path) -> None:
    """The kernel takes a moment to see that the last process is gone."""
    until = time.monotonic() + _EMPTY_WITHIN_S
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
