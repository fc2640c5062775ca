"""What every test may rely on: no test reaches AWS or reads this machine's AWS configuration."""

from __future__ import annotations

import os

import pytest

for name in [variable for variable in os.environ if variable.startswith(("AWS_", "GOPRO_"))]:
    del os.environ[name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

WHOLE_RUNS = ("e2e", "workflow")
"""Folders of the tests that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that at the end no worker is left alone with it."""
    items.sort(key=lambda item: item.path.parent.name not in WHOLE_RUNS)
