"""The verified part of the Amazon States Language: the fields that the engine's own tests cover."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws.stepfunctions.choice import IS_PRESENT, OPERATORS

_COMMON = frozenset({"Type", "Comment"})
_FLOW = frozenset({"Next", "End"})
_PATHS = frozenset({"InputPath", "OutputPath"})
_WORK = frozenset({"ResultSelector", "ResultPath", "Retry", "Catch"})

FIELDS: Mapping[str, frozenset[str]] = {
    "Pass": _COMMON | _FLOW | _PATHS | {"Parameters", "Result", "ResultPath"},
    "Task": _COMMON | _FLOW | _PATHS | _WORK | {"Resource", "Parameters", "TimeoutSeconds"},
    "Choice": _COMMON | _PATHS | {"Choices", "Default"},
    "Succeed": _COMMON | _PATHS,
    "Fail": _COMMON | {"Error", "Cause", "ErrorPath", "CausePath"},
    "Map": _COMMON | _FLOW | _PATHS | _WORK
    | {"ItemProcessor", "ItemSelector", "ItemsPath", "MaxConcurrency", "MaxConcurrencyPath"}
    | {"Label", "ItemReader", "ResultWriter"}
    | {"ToleratedFailureCount", "ToleratedFailureCountPath"}
    | {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"},
}  # fmt: skip
"""By state type."""

DISTRIBUTED_ONLY = frozenset(name for name in FIELDS["Map"] if name.startswith("Tolerated")) | {
    "Label",
    "ItemReader",
    "ResultWriter",
}
RETRIER = frozenset({
    "ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy", "Comment",
})  # fmt: skip
CATCHER = frozenset({"ErrorEquals", "ResultPath", "Next", "Comment"})
RULE = frozenset({"Variable", "Next", IS_PRESENT, "Comment", *OPERATORS})
MACHINE = frozenset({"Comment", "StartAt", "States"})
PROCESSOR = MACHINE | {"ProcessorConfig"}
RESOURCE = "arn:aws:states:::lambda:invoke"
READER = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}}
WRITER = {"Resource": "arn:aws:states:::s3:putObject"}

CONTEXT: Mapping[str, frozenset[str]] = {
    "Execution": frozenset({"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount"}),
    "State": frozenset({"EnteredTime", "Name", "RetryCount"}),
    "StateMachine": frozenset({"Id", "Name"}),
    "Map": frozenset({"Item"}),
}
"""What the engine's context object (``$$``) holds, two steps deep."""
