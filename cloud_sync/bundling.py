"""Builds what the layers hold, without Docker: our source package, and third-party packages for linux/arm64."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCK = PROJECT / "requirements" / "runtime.lock"
PLATFORM = "aarch64-manylinux2014"
PYTHON_VERSION = "3.14"
"""The functions' runtime; ``lambda_construct`` and the wheels must agree."""

_CACHE = PROJECT / ".cache" / "layers"
_WAIT_SECONDS = 600


class BundlingError(RuntimeError):
    """A layer could not be built; the message is one line and says what to do."""


@contextmanager
def source_layer() -> Iterator[Path]:
    """Give a folder with our package as a layer wants it (``python/cloud_sync_common``), without compiled files."""
    with tempfile.TemporaryDirectory(prefix="source-layer-") as folder:
        root = Path(folder)
        shutil.copytree(
            PROJECT / "layers" / "cloud_sync_common",
            root / "python" / "cloud_sync_common",
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
        yield root


def runtime_layer_hash() -> str:
    """Return what identifies the third-party layer: lock file, platform and Python, and nothing of this machine."""
    text = f"{PLATFORM}\n{PYTHON_VERSION}\n".encode() + LOCK.read_bytes()
    return hashlib.sha256(text).hexdigest()


def runtime_layer() -> Path:
    """Return a folder with the lock file's packages for linux/arm64 under ``python/``; built once for each lock file.

    Needs the package registry on the first call only. Raises ``BundlingError`` if they cannot be installed.
    """
    finished = _CACHE / runtime_layer_hash()
    if finished.is_dir():
        return finished
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=_CACHE) as folder:
        layer = Path(folder) / "layer"
        _install(layer / "python")
        # Renamed when complete, so that an interrupted build is never taken for a finished one.
        try:
            layer.rename(finished)
        except OSError:
            if not finished.is_dir():  # otherwise another synthesis was faster
                raise
    return finished


def _install(target: Path) -> None:
    """Install the locked wheels into ``target``, hashes checked, and drop what only this machine could use.

    ``uv`` is quick; where it finds no way to the registry, pip may: it knows the machine's mirrors and certificates.
    """
    reasons = []
    for command in (_uv_command(target), _pip_command(target)):
        shutil.rmtree(target, ignore_errors=True)
        reason = _failure(command)
        if reason is None:
            break
        reasons.append(reason)
    else:
        raise BundlingError(f"could not install requirements/runtime.lock for {PLATFORM}: {reasons[0]}")
    # Console scripts name the interpreter of the machine that made them.
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)


def _uv_command(target: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--python-platform", PLATFORM, "--python-version", PYTHON_VERSION),
        *("--target", str(target), "--requirement", str(LOCK)),
    ]


def _pip_command(target: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"),
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON_VERSION),
        *("--platform", "manylinux2014_aarch64", "--platform", "manylinux_2_28_aarch64"),
        *("--target", str(target), "--requirement", str(LOCK)),
    ]


def _failure(command: list[str]) -> str | None:
    """Run an installer; return ``None`` or why it failed, in one line."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            command,
            capture_output=True,
            text=True,
            timeout=_WAIT_SECONDS,
            check=False,
            # A company's proxy may sign with a certificate that only the machine's store knows.
            env={"UV_SYSTEM_CERTS": "1", **os.environ},
        )
    except subprocess.TimeoutExpired:
        return f"no wheels after {_WAIT_SECONDS} s: is the package registry reachable?"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or ["no message"])[0].removeprefix("error: ").strip()
