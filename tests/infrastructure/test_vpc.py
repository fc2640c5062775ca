"""The functions are in no VPC unless an owner gives subnets and groups, and then get what Lambda needs for it."""

from __future__ import annotations

import pytest

from cloud_sync.settings import Settings, SettingsError
from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import ROLES, Template, actions_of, text_of
from tests.infrastructure.variants import NETWORK, Context

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaVPCAccessExecutionRole.html (v3, but logs).
LAMBDA_NEEDS = {
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}


def test_by_default_no_function_is_in_a_vpc_and_no_role_knows_ec2(template: Template) -> None:
    assert [
        name for name, entry in template.of_type("Lambda::Function").items() if "VpcConfig" in entry["Properties"]
    ] == []
    assert not [action for action in actions_of(list(template.allowed())) if action.startswith("ec2:")]


@pytest.mark.parametrize("name", ROLES)
def test_every_function_is_put_into_the_given_subnets_and_groups(variant: Variant, name: str) -> None:
    assert variant(NETWORK).properties("Lambda::Function", f"Functions{name}")["VpcConfig"] == {
        "SubnetIds": ["subnet-0123456789abcdef0", "subnet-89abcdef"],
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
    }


@pytest.mark.parametrize("name", ROLES)
def test_lambda_may_make_interfaces_and_the_functions_code_may_not(variant: Variant, name: str) -> None:
    about_ec2 = [
        statement
        for statement in variant(NETWORK).role_statements(f"Functions{name}Role")
        if any(action.startswith("ec2:") for action in actions_of([statement]))
    ]
    [allowed] = [statement for statement in about_ec2 if statement["Effect"] == "Allow"]
    [denied] = [statement for statement in about_ec2 if statement["Effect"] == "Deny"]
    assert actions_of([allowed]) == LAMBDA_NEEDS
    assert actions_of([denied]) == LAMBDA_NEEDS | {"ec2:DetachNetworkInterface"}
    assert allowed["Resource"] == denied["Resource"] == "*"
    assert "Condition" not in allowed
    [(operator, [(key, value)])] = [
        (operator, list(values.items())) for operator, values in denied["Condition"].items()
    ]
    assert (operator, key) == ("ArnLike", "lambda:SourceFunctionArn")
    assert text_of(value) == "arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:*"


def test_nothing_else_changes_for_a_vpc(variant: Variant) -> None:
    plain, inside = variant({}), variant(NETWORK)
    assert plain.document["Resources"].keys() == inside.document["Resources"].keys()
    changed = {
        entry["Type"]
        for name, entry in inside.document["Resources"].items()
        if entry != plain.document["Resources"][name]
    }
    assert changed == {"AWS::Lambda::Function", "AWS::IAM::Policy"}


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"vpc_subnet_ids": "subnet-89abcdef"}, "'vpc_subnet_ids' and 'vpc_security_group_ids' go together"),
        ({"vpc_security_group_ids": "sg-89abcdef"}, "'vpc_subnet_ids' and 'vpc_security_group_ids' go together"),
        ({**NETWORK, "vpc_subnet_ids": "vpc-89abcdef"}, "'vpc_subnet_ids' must be a comma list of up to 16 subnet ids"),
        ({**NETWORK, "vpc_subnet_ids": "subnet-89abcdef, subnet-89abcde0"}, "'vpc_subnet_ids' must be"),
        ({**NETWORK, "vpc_subnet_ids": ",".join(["subnet-89abcdef"] * 17)}, "'vpc_subnet_ids' must be"),
        ({**NETWORK, "vpc_subnet_ids": "subnet-89ABCDEF"}, "'vpc_subnet_ids' must be"),
        ({**NETWORK, "vpc_security_group_ids": "default"}, "'vpc_security_group_ids' must be a comma list of up to 5"),
        ({**NETWORK, "vpc_security_group_ids": ",".join(["sg-89abcdef"] * 6)}, "'vpc_security_group_ids' must be"),
    ],
)
def test_a_wrong_network_is_refused_in_one_line(context: Context, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_context(context)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_as_many_subnets_and_groups_as_lambda_takes_are_taken() -> None:
    settings = Settings(
        vpc_subnet_ids=",".join(f"subnet-89abcd{index:02x}" for index in range(16)),
        vpc_security_group_ids=",".join(f"sg-89abcd{index:02x}" for index in range(5)),
    )
    assert settings.vpc_subnet_ids.count("subnet-") == 16
    assert settings.vpc_security_group_ids.count("sg-") == 5
