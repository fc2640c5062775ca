"""The servers of the conformance suite, started once per module, with a bucket of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.conformance.servers import Served, ours, rclone

_numbers = count(1)


@pytest.fixture(scope="module")
def _ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ours(tmp_path_factory.mktemp("ours")) as served:
        yield served


@pytest.fixture(scope="module")
def _rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with rclone(tmp_path_factory.mktemp("rclone") / "data") as served:
        yield served


@pytest.fixture(scope="module")
def _ours_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ours(tmp_path_factory.mktemp("ours"), tls=True) as served:
        yield served


@pytest.fixture(scope="module")
def _rclone_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with rclone(tmp_path_factory.mktemp("rclone") / "data", tls=True) as served:
        yield served


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Served:
    """The server that the test's parametrisation names: ``ours`` or ``rclone``, by https with ``_tls`` behind it."""
    found: Served = request.getfixturevalue(f"_{request.param}")
    return found


@pytest.fixture
def bucket(served: Served) -> str:
    """A fresh bucket."""
    name = f"bucket-{next(_numbers)}"
    served.add_bucket(name)
    return name
