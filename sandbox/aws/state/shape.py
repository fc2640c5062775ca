"""What of a stack must not change while its account is kept: where the data are, and how they are laid out.

Everything else may: settings, code, permissions, limits. Deploying a changed stack into a kept account is a redeploy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.aws.state.store import StateError, Store
from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import Resource

_LAYOUT: Mapping[str, tuple[str, ...]] = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "AttributeDefinitions"),
    "AWS::KMS::Key": ("KeySpec",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
}
"""The types that hold data, and those of their properties that say where and how."""


def check(store: Store, cloud: Cloud) -> None:
    """Remember the shape of the first deployment; ``StateError`` when this one has another."""
    now = {
        "stack": cloud.stack,
        **{name: _layout(each) for name, each in sorted(cloud.resolved.items()) if each.type in _LAYOUT},
    }
    known = store.fact("shape")
    if known is None:
        store.set_fact("shape", json.dumps(now))
        return
    before: dict[str, Any] = json.loads(known)
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise StateError(
                f"the kept account was made for another stack: {name} {_difference(before.get(name), now.get(name))}; "
                "give the settings that it was made with, or a new folder"
            )


def _layout(resource: Resource) -> dict[str, Any]:
    kept = {name: resource.properties[name] for name in _LAYOUT[resource.type] if name in resource.properties}
    return {"Type": resource.type, **kept}


def _difference(before: Any, now: Any) -> str:
    if before is None:
        return "is new"
    if now is None:
        return "is no longer there"
    return "has changed"
