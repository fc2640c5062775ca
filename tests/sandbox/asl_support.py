"""Definitions that the tests of the Step Functions engine share."""

from __future__ import annotations

import json
from typing import Any

from tests.sandbox.aws_support import Bench

CAUGHT: dict[str, Any] = {"Type": "Pass", "End": True}
CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]
FAIL_ON_MARK = {
    "StartAt": "Marked?",
    "States": {
        "Marked?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.fail", "BooleanEquals": True, "Next": "Broken"}],
            "Default": "Fine",
        },
        "Broken": {"Type": "Fail", "Error": "RunStopped", "Cause": "asked to"},
        "Fine": {"Type": "Succeed"},
    },
}
"""Fails for an item with a ``fail`` of true."""


def distributed(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a Distributed Map over the file that ``$.key`` names; ends the machine unless ``Next`` is given."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}}
    state = {
        "Type": "Map",
        "Label": "Each",
        "ItemReader": {**reader, "Parameters": {"Bucket": "runs", "Key.$": "$.key"}},
        "ItemProcessor": {"ProcessorConfig": config, **processor},
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "runs", "Prefix.$": "$.key"},
        },
        **fields,
    }
    return state if "Next" in state else {**state, "End": True}


def inline(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return an inline Map; ends the machine unless ``Next`` is given."""
    state = {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **processor}, **fields}
    return state if "Next" in state else {**state, "End": True}


def items(bench: Bench, key: str, *marks: bool) -> dict[str, Any]:
    """Store one item for each mark; return the input that names the file."""
    content = [{"id": index, "fail": mark} for index, mark in enumerate(marks)]
    bench.s3.put_object(Bucket="runs", Key=key, Body=json.dumps(content).encode())
    return {"key": key}
