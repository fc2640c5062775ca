"""An existing VPC for the functions, for owners who must; nothing is looked up at synthesis.

The subnets need a way out to api.gopro.com and GoPro's CDN (a NAT gateway), for GoPro has no private endpoint.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from cloud_sync.settings import Settings

_NETWORK_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda needs of a function's role to attach it to a VPC: the list of
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html and of AWSLambdaVPCAccessExecutionRole v3."""


def vpc_config(settings: Settings) -> lambda_.CfnFunction.VpcConfigProperty | None:
    """Return the functions' ``VpcConfig``, or ``None`` for the network that Lambda gives them, which reaches GoPro."""
    if not settings.vpc_subnet_ids:
        return None
    return lambda_.CfnFunction.VpcConfigProperty(
        subnet_ids=settings.vpc_subnet_ids.split(","),
        security_group_ids=settings.vpc_security_group_ids.split(","),
    )


def vpc_access(settings: Settings) -> list[iam.PolicyStatement]:
    """Let Lambda, but not the function's own code, manage network interfaces; nothing where there is no VPC.

    Resource ``*``: the Describe actions know no resource level, and Lambda refuses a role whose other actions are cut
    to resources. Lambda uses the role to make interfaces and the code gets the same role, so the code is denied them:
    only its calls carry ``lambda:SourceFunctionArn`` (page above; Lambda guide, "Working with Lambda execution
    environment credentials"). Any function of this account, because naming ours would close a circle.
    """
    if not settings.vpc_subnet_ids:
        return []
    functions = f"arn:{cdk.Aws.PARTITION}:lambda:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:function:*"
    return [
        iam.PolicyStatement(sid="LambdaMakesInterfaces", actions=list(_NETWORK_INTERFACES), resources=["*"]),
        iam.PolicyStatement(
            sid="CodeMakesNoInterfaces",
            effect=iam.Effect.DENY,
            actions=[*_NETWORK_INTERFACES, "ec2:DetachNetworkInterface"],
            resources=["*"],
            conditions={"ArnLike": {"lambda:SourceFunctionArn": functions}},
        ),
    ]
