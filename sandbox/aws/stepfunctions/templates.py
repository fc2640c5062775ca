"""Payload templates: Parameters, ResultSelector, ItemSelector; and the size of what passes between states."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.stepfunctions import paths
from sandbox.aws.stepfunctions.errors import DATA_LIMIT_EXCEEDED, StatesError

MAX_STATE_BYTES = 256 * 1024
"""UTF-8 bytes of a state's input or output (aws-facts 1.2)."""


def fill(template: Any, data: Any, context: Any) -> Any:
    """Return ``template`` with every ``"name.$": path`` replaced by ``"name": value``."""
    if isinstance(template, dict):
        return dict(_fill_member(key, value, data, context) for key, value in template.items())
    if isinstance(template, list):
        return [fill(element, data, context) for element in template]
    return template


def _fill_member(key: str, value: Any, data: Any, context: Any) -> tuple[str, Any]:
    if key.endswith(".$"):
        return key[:-2], paths.read(value, data, context)
    return key, fill(value, data, context)


def to_json(value: Any) -> str:
    """Serialise as Step Functions counts it: compact, UTF-8 unescaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def check_size(value: Any, what: str) -> Any:
    """Return ``value``; ``States.DataLimitExceeded`` when it is larger than what may pass between states."""
    size = len(to_json(value).encode("utf-8", "surrogatepass"))
    if size > MAX_STATE_BYTES:
        raise StatesError(
            DATA_LIMIT_EXCEEDED,
            f"{what} has {size} bytes, more than the limit of {MAX_STATE_BYTES}",
        )
    return value
