"""The synthesised template, made once for all workers of a test session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infrastructure.synthesis import Template, synthesise, synthesise_many
from tests.infrastructure.variants import ADOPTED, CHOSEN, Context, all_variants, folder_of
from tests.support.once import made_once

Variant = Callable[[Context], Template]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of the default settings, made as a user makes it."""

    def make(folder: Path) -> None:
        done = synthesise(folder)
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "synthesised-default", make)


@pytest.fixture(scope="session")
def template(assembly: Path) -> Template:
    """The template of the default settings."""
    return Template.in_folder(assembly)


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the cloud assemblies of all variants."""

    def make(folder: Path) -> None:
        done = synthesise_many(folder, all_variants())
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "synthesised-variants", make)


@pytest.fixture(scope="session")
def variant(variants: Path) -> Variant:
    """Gives the template of a context that is among the variants."""
    return lambda context: Template.in_folder(variants / folder_of(context))


@pytest.fixture(scope="session")
def chosen(variant: Variant) -> Template:
    """The template of another stage, with settings away from their defaults."""
    return variant(CHOSEN)


@pytest.fixture(scope="session")
def adopted(variant: Variant) -> Template:
    """The template of a stack that takes over all that an earlier one left."""
    return variant(ADOPTED)
