"""Log groups of our own making: with an end of life, and gone with the stack."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(scope: Construct, construct_id: str, *, retention_days: int, name: str | None = None) -> logs.LogGroup:
    """Create a log group that keeps its entries for ``retention_days`` (a number that CloudWatch allows).

    Without it a function's first line would create a group that keeps them for ever.
    """
    group = logs.LogGroup(scope, construct_id, log_group_name=name, removal_policy=cdk.RemovalPolicy.DESTROY)
    # The CDK's enumeration has names only (ONE_MONTH), so the number goes to the CloudFormation resource.
    cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = retention_days
    return group
