"""The judged templates, synthesised once for all workers of a test session."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.judged import VARIANTS, Judged, synthesise_all
from tests.support.once import made_once


def judged_once(factory: pytest.TempPathFactory) -> dict[str, Judged]:
    """Every variant of ``scripts.judged`` by name."""

    def make(folder: Path) -> None:
        synthesise_all(folder)

    folder = made_once(factory, "judged", make)
    return {name: Judged.read(folder / name) for name in VARIANTS}
