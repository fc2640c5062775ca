"""Which service may work under which role, and on whose behalf: the conditions against confused deputies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infrastructure.synthesis import ROLES, Template
from tests.infrastructure.test_permissions import EXPECTED, readable

HERE = "<AWS::Partition>:{service}:<AWS::Region>:<AWS::AccountId>"


def _exactly(service: str, source: str) -> dict[str, Any]:
    arn = f"arn:{HERE.format(service=service)}:{source}"
    return {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>", "aws:SourceArn": arn}}


TRUST: dict[str, tuple[str, Any]] = {
    # Lambda's guide to execution roles names no condition; who passes the role to a function needs iam:PassRole here.
    **{f"Functions{role}Role": ("lambda.amazonaws.com", "None") for role in ROLES},
    # The machine needs its role before it has a name, so the role is for the machines of this account and region.
    "SyncRole": (
        "states.amazonaws.com",
        {
            "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
            "ArnLike": {"aws:SourceArn": f"arn:{HERE.format(service='states')}:stateMachine:*"},
        },
    ),
    "ScheduleRole": ("scheduler.amazonaws.com", _exactly("scheduler", "schedule-group/default")),
    "FreshCookiesRole": ("events.amazonaws.com", _exactly("events", "rule/GoProCloudSync-FreshCookies")),
}


def test_every_role_is_in_the_table() -> None:
    assert set(TRUST) == set(EXPECTED)


@pytest.mark.parametrize("role", sorted(TRUST))
def test_a_role_trusts_its_service_and_nobody_else(template: Template, role: str) -> None:
    [statement] = template.properties("IAM::Role", role)["AssumeRolePolicyDocument"]["Statement"]
    service, condition = TRUST[role]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
    assert statement["Principal"] == {"Service": service}
    assert readable(statement.get("Condition")) == condition
