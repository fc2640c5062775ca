"""An AWS account for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.aws import Account, account
from tests.support.runs import Runs
from tests.support.strict_s3 import Store, strict_store


@pytest.fixture
def aws() -> Iterator[Account]:
    with account() as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with strict_store(tmp_path) as made:
        yield made


@pytest.fixture
def runs(aws: Account) -> Runs:
    return Runs(aws, aws.runs())
