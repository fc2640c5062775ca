"""The synthesised template, made once for all workers of a test session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infrastructure.synthesis import Template, synthesise
from tests.support.once import made_once

# Every setting that has an effect in the template, none at its default.
CHOSEN = {
    "stage": "test",
    "schedule": "rate(6 hours)",
    "schedule_timezone": "Europe/Berlin",
    "schedule_flexible_minutes": "0",
    "schedule_enabled": "false",
    "alert_email": "someone@example.com",
    "archive_storage_class": "STANDARD_IA",
    "deep_archive_after_days": "45",
    "noncurrent_expiry_days": "200",
    "runs_expiry_days": "40",
    "downloader_memory_mb": "1024",
    "function_timeout_seconds": "120",
    "log_retention_days": "7",
    "archive_admin_role": "arn:aws:iam::123456789012:role/archive-admin",
}

ADOPTED = {
    "existing_bucket": "an-old-archive",
    "existing_key": "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "existing_table": "OldTracker",
    "existing_secret": "gopro/credentials",
}


def _shared(factory: pytest.TempPathFactory, name: str, context: dict[str, str]) -> Path:
    def make(folder: Path) -> None:
        done = synthesise(folder, context)
        assert done.returncode == 0, done.stderr

    return made_once(factory, f"synthesised-{name}", make)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of the default settings."""
    return _shared(tmp_path_factory, "default", {})


@pytest.fixture(scope="session")
def template(assembly: Path) -> Template:
    """The template of the default settings."""
    return Template.in_folder(assembly)


@pytest.fixture(scope="session")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template of another stage, with settings away from their defaults."""
    return Template.in_folder(_shared(tmp_path_factory, "chosen", CHOSEN))


@pytest.fixture(scope="session")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template of a stack that takes over what an earlier one left."""
    return Template.in_folder(_shared(tmp_path_factory, "adopted", ADOPTED))
