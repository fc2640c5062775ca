"""Findings of cdk-nag (AwsSolutions) that stay, each with its reason.

``make nag`` compares this list with what cdk-nag finds, both ways: a finding that is not here fails, and so does an
entry that nothing needs any more. cdk-nag's own ``acknowledge`` could not tell the latter.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A finding that stays: cdk-nag's rule with its detail, the constructs below the stack, and one sentence why.

    ``{existing_bucket}`` and its like stand for the value of that setting.
    """

    rule: str
    paths: tuple[str, ...]
    reason: str


_EXECUTIONS = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<SyncStateMachine81090156.Name>"
_TRANSFER = (
    "Functions/VideoDownloaderRole/DefaultPolicy/Resource",
    "Functions/MultipartUploaderRole/DefaultPolicy/Resource",
)

ACKNOWLEDGED = (
    Acknowledged(
        rule="AwsSolutions-S1",
        paths=("Archive/Bucket/Resource", "Runs/Bucket/Resource"),
        reason="Access logs of one person's buckets are more objects to keep, pay for and protect than they tell; "
        "who wants them switches on CloudTrail data events.",
    ),
    Acknowledged(
        rule="AwsSolutions-SMG4",
        paths=("Credentials/Secret",),
        reason="Cookies come from a person's browser session at GoPro, which no machine can renew.",
    ),
    Acknowledged(
        rule="AwsSolutions-SQS3",
        paths=("Schedule/DeadLetters/Resource", "FreshCookies/DeadLetters/Resource"),
        reason="They are dead-letter queues themselves: of EventBridge targets, which cdk-nag does not look at.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5[Resource::*]",
        paths=(
            "Functions/RunControlRole/DefaultPolicy/Resource",
            "Functions/MediaListerRole/DefaultPolicy/Resource",
            *_TRANSFER,
            "Sync/Role/DefaultPolicy/Resource",
        ),
        reason="X-Ray's writing actions, log delivery and Lambda's network interfaces have no resource level in IAM.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5[Resource::<ArchiveBucket49F1AC64.Arn>/gopro-videos/*]",
        paths=_TRANSFER,
        reason="The names of the media are known at run time only; the prefix is all that these roles reach.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{existing_bucket}/gopro-videos/*]",
        paths=_TRANSFER,
        reason="The same prefix in an adopted archive bucket.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5[Resource::<RunsBucket7FD68A9D.Arn>/runs/*]",
        paths=(
            "Functions/RunControlRole/DefaultPolicy/Resource",
            "Functions/MediaListerRole/DefaultPolicy/Resource",
        ),
        reason="Every run has a folder of its own whose name is known when it starts; media are in another bucket.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5[Resource::<RunsBucket7FD68A9D.Arn>/runs/*/manifest.json]",
        paths=("Sync/Role/DefaultPolicy/Resource",),
        reason="The manifest is in the folder of its run; nothing else there is read by the state machine.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5[Resource::<RunsBucket7FD68A9D.Arn>/runs/*/results/*]",
        paths=("Sync/Role/DefaultPolicy/Resource",),
        reason="The Map's results are in the folder of their run, under names that Step Functions chooses.",
    ),
    Acknowledged(
        rule=f"AwsSolutions-IAM5[Resource::{_EXECUTIONS}:*]",
        paths=("Sync/MapPolicy/Resource", "Sync/RunControlPolicy/Resource"),
        reason="Executions get their names when they start; these are of this one state machine.",
    ),
    Acknowledged(
        rule=f"AwsSolutions-IAM5[Resource::{_EXECUTIONS}/SyncEachMedium:*]",
        paths=("Sync/MapPolicy/Resource",),
        reason="The Distributed Map names its child executions itself; these are of this one map.",
    ),
)
