"""Stages: named sets of settings in ``cdk.json``, and how the one that is deployed gets its values.

``"stages": {"dev": {"workers": 2}}`` in ``cdk.json``'s context is one set; ``-c stage=dev`` picks it. What is said
flat, in ``cdk.json`` or with ``-c``, wins over the set; what nobody says is the default of ``Settings``. A stage
without a set has the flat values and the defaults. The app and the sandbox both read their settings here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from cloud_sync.settings import Settings, SettingsError

STAGES = "stages"
"""The one key of the context that is no setting: the sets of values by stage."""

_FILE = Path(__file__).resolve().parent.parent / "cdk.json"


def file_context() -> dict[str, object]:
    """Return ``context`` of ``cdk.json``: the CDK's feature flags, the stages, and settings for all of them.

    Raises ``SettingsError`` with one line if the file cannot be read.
    """
    try:
        document = json.loads(_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"cdk.json cannot be read: {error}; 'git diff cdk.json' shows what was changed") from None
    context = document.get("context") if isinstance(document, dict) else None
    if not isinstance(context, dict):
        raise SettingsError("cdk.json has no object 'context': 'git diff cdk.json' shows what was changed")
    return context


def read_settings(given: Mapping[str, object], *, base: Mapping[str, object]) -> Settings:
    """Return the settings of the stage that is picked; ``given`` (``-c``) wins over ``base`` (``cdk.json``).

    Sets that are not picked are checked as well, each with what ``base`` says flat, so that a mistake shows when it is
    made and not when that stage is needed. What is adopted belongs to one stage, so ``base`` may not say it flat.
    Raises ``SettingsError`` with one line.
    """
    for key in base:
        if key.startswith("existing_"):
            raise SettingsError(f"setting {key!r} in cdk.json would hold for every stage: say it in {_ADOPTING}")
    context = {**base, **given}
    sets = _sets(context.pop(STAGES, {}))
    picked = str(context.get("stage", Settings().stage)).strip()
    for stage, values in sets.items():
        if stage != picked:
            _read(stage, values, {key: value for key, value in base.items() if key not in (STAGES, "stage")})
    return _read(picked, sets.get(picked, {}), context)


def _read(stage: str, values: Mapping[str, object], flat: Mapping[str, object]) -> Settings:
    """Return a stage's settings; a problem that its set has a part in names the set."""
    try:
        return Settings.from_context({**values, "stage": stage, **flat})
    except SettingsError as error:
        if not values:
            raise
        raise SettingsError(f"stage {stage!r} in cdk.json: {error}") from None


def _sets(value: object) -> dict[str, Mapping[str, object]]:
    if not isinstance(value, dict):
        raise SettingsError(f"'stages' must be an object of sets in cdk.json, like {_EXAMPLE}, not {value!r}")
    for stage, values in value.items():
        if not isinstance(values, dict):
            raise SettingsError(f"stage {stage!r} in cdk.json must be an object of settings, like {_EXAMPLE}")
        if "stage" in values:
            raise SettingsError(f"stage {stage!r} in cdk.json holds 'stage': the set's name says it already")
    return value


_EXAMPLE = '{"dev": {"workers": 2}}'
_ADOPTING = """the set of the stage that adopts, like "stages": {"prod": {"existing_table": "..."}}"""
