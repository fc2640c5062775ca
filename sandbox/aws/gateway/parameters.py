"""What is kept of a request's parameters: names and ARNs on a list, and of DynamoDB the tables and partition keys.

Nothing else is: no secret, no row's other attributes, no message.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sandbox.aws.gateway.leading_keys import members
from sandbox.aws.gateway.log import CONTEXT_KEYS, KEPT, MEMBERS
from sandbox.aws.gateway.requests import ApiRequest
from sandbox.aws.gateway.tables import partition_key


def kept_parameters(request: ApiRequest) -> dict[str, Any]:
    """Return what may be recorded of a request, as JSON data."""
    found: dict[str, Any] = {name: request.payload[name] for name in KEPT if isinstance(request.payload.get(name), str)}
    if request.service == "dynamodb":
        found |= _touched(request)
    context = request.payload.get(CONTEXT_KEYS)
    if request.service == "kms" and isinstance(context, Mapping):
        found[CONTEXT_KEYS] = {str(name): str(value) for name, value in context.items()}
    return found


def _touched(request: ApiRequest) -> dict[str, Any]:
    try:
        touched = members(request.operation, request.payload, partial(partition_key, request.region))
    except (AttributeError, KeyError, StopIteration, TypeError):
        return {}  # not as the API has it: DynamoDB refuses it
    return {MEMBERS: touched} if touched else {}
