"""What whole runs share: the synthesised assembly, made once for all workers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.assemblies import sound_assembly


@pytest.fixture(name="sound", scope="session")
def _sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly as the project synthesises it; nobody changes this one."""
    return sound_assembly(tmp_path_factory)


@pytest.fixture(name="assembly")
def _assembly(sound: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(sound, tmp_path / "assembly"))
