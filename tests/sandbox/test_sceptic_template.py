"""Templates that AWS would not take: roles that do not let their services in, functions beyond Lambda's quotas."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Account, DeployError
from sandbox.aws.permissions import PermissionsError, Stack, refuse_untrusting_roles
from sandbox.s3 import S3Server
from tests.sandbox.aws_support import SITE_PACKAGES
from tests.sandbox.aws_template import template, write_assembly
from tests.sandbox.permissions_support import ACCOUNT, MACHINE, REGION, RULE, WORKER, made, role_arn

GROUP = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/default"
SERVICES = {
    "worker": "lambda.amazonaws.com",
    "machine": "states.amazonaws.com",
    "schedule": "scheduler.amazonaws.com",
    "rule": "events.amazonaws.com",
}


def trust(service: str, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def stack(**changed: dict[str, Any]) -> Stack:
    """Return one user for each service; ``changed`` replaces the trust policy of a role."""
    policies = {name: changed.get(name, trust(service)) for name, service in SERVICES.items()}
    roles = [
        made("AWS::IAM::Role", name, role_arn(name), AssumeRolePolicyDocument=document)
        for name, document in policies.items()
    ]
    users = (
        made("AWS::Lambda::Function", "worker", WORKER, Role=role_arn("worker")),
        made("AWS::StepFunctions::StateMachine", MACHINE, MACHINE, RoleArn=role_arn("machine")),
        made("AWS::Scheduler::Schedule", "daily", Target={"RoleArn": role_arn("schedule")}),
        made("AWS::Events::Rule", "fresh", RULE, Targets=[{"RoleArn": role_arn("rule")}]),
    )
    return Stack((*roles, *users), REGION, ACCOUNT)


def test_roles_that_let_their_services_in_are_fine() -> None:
    refuse_untrusting_roles(stack())
    owned = {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": GROUP}}
    refuse_untrusting_roles(stack(schedule=trust(SERVICES["schedule"], Condition=owned)))


@pytest.mark.verifies("pipeline.broken-is-red", "permissions.conditions")
@pytest.mark.parametrize("role", SERVICES)
@pytest.mark.parametrize(
    "broken",
    [
        trust("ec2.amazonaws.com"),
        trust("lambda.amazonaws.com", Action="sts:TagSession"),
        {"Version": "2012-10-17", "Statement": []},
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": effect, "Action": "sts:*", "Principal": {"Service": list(SERVICES.values())}}
                for effect in ("Allow", "Deny")
            ],
        },
    ],
    ids=["other service", "other action", "nobody", "denied"],
)
def test_a_role_that_its_service_cannot_assume_is_refused(role: str, broken: dict[str, Any]) -> None:
    with pytest.raises(PermissionsError, match=f"{SERVICES[role]} cannot assume its role {role}; allow sts:AssumeRole"):
        refuse_untrusting_roles(stack(**{role: broken}))


@pytest.mark.parametrize(("role", "source"), [("schedule", GROUP), ("rule", RULE)])
def test_a_condition_that_the_service_does_not_meet_keeps_it_out(role: str, source: str) -> None:
    own, other = ({"ArnEquals": {"aws:SourceArn": arn}} for arn in (source, f"{source}2"))
    refuse_untrusting_roles(stack(**{role: trust(SERVICES[role], Condition=own)}))
    with pytest.raises(PermissionsError, match=f"{SERVICES[role]} cannot assume"):
        refuse_untrusting_roles(stack(**{role: trust(SERVICES[role], Condition=other)}))


@pytest.mark.verifies("template.every-property")
@pytest.mark.parametrize(
    ("prop", "value", "words"),
    [
        ("Timeout", 901, "Timeout must be from 1 to 900, not 901"),
        ("Timeout", "soon", "Timeout must be from 1 to 900, not soon"),
        ("MemorySize", 64, "MemorySize must be from 128 to 10240, not 64"),
        ("MemorySize", 10_241, "MemorySize must be from 128 to 10240, not 10241"),
        ("Environment", {"Variables": {"LONG": "x" * 4096}}, "variables have 4107 bytes, Lambda takes 4096"),
    ],
)
def test_a_function_beyond_lambdas_quotas_is_not_deployed(tmp_path: Path, prop: str, value: object, words: str) -> None:
    broken = copy.deepcopy(template())
    [function] = [each for each in broken["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    function["Properties"][prop] = value
    assert words in deployment_error(tmp_path, broken)


def deployment_error(folder: Path, broken: dict[str, Any]) -> str:
    with (
        S3Server(folder / "s3", region=REGION, credentials=None) as s3,
        Account(folder / "aws", s3=s3) as account,
        pytest.raises(DeployError) as refused,
    ):
        account.deploy(write_assembly(folder / "cdk.out", broken), SITE_PACKAGES, {})
    return str(refused.value)


def test_a_secret_that_the_stack_does_not_have_is_named(tmp_path: Path) -> None:
    with (
        S3Server(tmp_path / "s3", region=REGION, credentials=None) as s3,
        Account(tmp_path / "aws", s3=s3) as account,
        pytest.raises(DeployError, match="SECRET_NAME is gopro/other, and the stack has no such secret"),
    ):
        account.put_secret("gopro/other", "value")


def test_the_audit_of_a_deployed_stack_looks_at_trust_first(tmp_path: Path) -> None:
    with (
        S3Server(tmp_path / "s3", region=REGION, credentials=None) as s3,
        Account(tmp_path / "aws", s3=s3) as account,
    ):
        account.deploy(write_assembly(tmp_path / "cdk.out", template()), SITE_PACKAGES, {})
        with pytest.raises(PermissionsError, match=r"cannot assume its role Role"):
            account.audit(())
