"""What a call to one of the other services needs.

Source: service authorization reference, the page of each service (actions, resource types, condition keys); for
transactions and batches the DynamoDB developer guide, "IAM with transactions" and "Using IAM policy conditions".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.gateway.log import CONTEXT_KEYS, MEMBERS, ApiCall
from sandbox.aws.permissions.model import Need, PermissionsError
from sandbox.aws.permissions.stack import Stack

Rule = Callable[[ApiCall, Stack], list[Need]]

SECURE: Mapping[str, tuple[str, ...]] = {"aws:securetransport": ("true",)}
"""moto is spoken to over plain http. That is the sandbox's doing: on AWS the same client uses https."""


def api_needs(call: ApiCall, stack: Stack) -> list[Need]:
    """Return the requests for permission that a call amounts to; ``PermissionsError`` for one that no rule knows."""
    rule = _RULES.get(call.service) if call.operation in _KNOWN.get(call.service, ()) else None
    if rule is None:
        asked = f"{call.service}:{call.operation}"
        raise PermissionsError(f"which permissions the call {asked} needs is not known to the sandbox")
    return rule(call, stack)


def _dynamodb(call: ApiCall, stack: Stack) -> list[Need]:
    if not call.parameters.get(MEMBERS):
        raise PermissionsError(f"the call dynamodb:{call.operation} names no table")
    return [_touched(member, stack) for member in call.parameters[MEMBERS]]


def _touched(member: Mapping[str, Any], stack: Stack) -> Need:
    table = stack.arn("dynamodb", f"table/{member['TableName']}")
    index = member.get("IndexName")
    context = dict(SECURE)
    if member["LeadingKeys"]:
        context["dynamodb:leadingkeys"] = tuple(member["LeadingKeys"])
    return Need(f"dynamodb:{member['Action']}", (f"{table}/index/{index}" if index else table,), context)


def _secretsmanager(call: ApiCall, stack: Stack) -> list[Need]:
    secret = stack.secret(_named(call, "SecretId"))
    needs = [Need(f"secretsmanager:{call.operation}", (secret.arn,), SECURE, (secret.arn,))]
    if secret.kms_key and call.operation == "GetSecretValue":
        # Secrets Manager user guide, "Secret encryption and decryption".
        context = {
            **SECURE,
            "kms:viaservice": (f"secretsmanager.{stack.region}.amazonaws.com",),
            "kms:calleraccount": (stack.account,),
            "kms:encryptioncontext:secretarn": (secret.arn,),
        }
        needs.append(Need("kms:Decrypt", (secret.kms_key,), context, (secret.kms_key,)))
    return needs


def _sns(call: ApiCall, _stack: Stack) -> list[Need]:
    topic = call.parameters.get("TopicArn") or _named(call, "TargetArn")
    return [Need(f"sns:{call.operation}", (topic,), SECURE, (topic,))]


def _states(call: ApiCall, _stack: Stack) -> list[Need]:
    arn = call.parameters.get("executionArn") or call.parameters.get("mapRunArn") or _named(call, "stateMachineArn")
    return [Need(f"states:{call.operation}", (arn,), SECURE)]


def _lambda(call: ApiCall, stack: Stack) -> list[Need]:
    name = _named(call, "FunctionName")
    arn = name if name.startswith("arn:") else stack.arn("lambda", f"function:{name}")
    return [Need("lambda:InvokeFunction", (arn,), SECURE)]


def _kms(call: ApiCall, stack: Stack) -> list[Need]:
    key = _named(call, "KeyId")
    if "alias/" in key:
        raise PermissionsError(f"the call kms:{call.operation} names its key by an alias; name it by its ARN")
    arn = key if key.startswith("arn:") else stack.arn("kms", f"key/{key}")
    context = {**SECURE, "kms:calleraccount": (stack.account,)}
    for name, value in call.parameters.get(CONTEXT_KEYS, {}).items():
        context[f"kms:encryptioncontext:{name.lower()}"] = (value,)
    return [Need(f"kms:{call.operation}", (arn,), context, (arn,))]


def _sqs(call: ApiCall, stack: Stack) -> list[Need]:
    arn = stack.arn("sqs", _named(call, "QueueUrl").rpartition("/")[2])
    return [Need(f"sqs:{call.operation}", (arn,), SECURE, (arn,))]


def _unscoped(call: ApiCall, _stack: Stack) -> list[Need]:
    """Actions without a resource level."""
    return [Need(f"{call.service}:{call.operation}", ("*",), SECURE)]


def _free(_call: ApiCall, _stack: Stack) -> list[Need]:
    """GetCallerIdentity "requires no permissions" (STS API reference)."""
    return []


def _named(call: ApiCall, parameter: str) -> str:
    if parameter not in call.parameters:
        raise PermissionsError(f"the call {call.service}:{call.operation} names no {parameter}; it cannot be judged")
    return str(call.parameters[parameter])


_RULES: Mapping[str, Rule] = {
    "dynamodb": _dynamodb,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "states": _states,
    "lambda": _lambda,
    "kms": _kms,
    "sqs": _sqs,
    "cloudwatch": _unscoped,
    "xray": _unscoped,
    "sts": _free,
}
_KNOWN: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset({
        "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem",
        "TransactWriteItems", "TransactGetItems", "DescribeTable",
    }),
    "secretsmanager": frozenset({"GetSecretValue", "DescribeSecret"}),
    "sns": frozenset({"Publish"}),
    "states": frozenset({
        "StartExecution", "StopExecution", "DescribeExecution", "GetExecutionHistory", "RedriveExecution",
        "ListExecutions", "DescribeStateMachine", "DescribeMapRun",
    }),
    "lambda": frozenset({"Invoke"}),
    "kms": frozenset({"Decrypt", "Encrypt", "GenerateDataKey", "DescribeKey"}),
    "sqs": frozenset({"SendMessage", "ReceiveMessage", "DeleteMessage"}),
    "cloudwatch": frozenset({"PutMetricData"}),
    "xray": frozenset({"PutTraceSegments", "PutTelemetryRecords"}),
    "sts": frozenset({"GetCallerIdentity"}),
}  # fmt: skip
