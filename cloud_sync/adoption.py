"""What a deployment says about resources that it adopts: they stay as they are, so their owner must look once."""

from __future__ import annotations

import aws_cdk as cdk

from cloud_sync.settings import Settings


def warn_of_adopted(stack: cdk.Stack, settings: Settings) -> None:
    """Add a warning for each adopted resource, which ``cdk synth`` and ``cdk deploy`` print.

    The stack is bound to no account or region and asks AWS nothing, so it cannot know where an adopted resource is.
    """
    warnings = {
        "bucket": (
            settings.existing_bucket,
            "keeps its own policy, lifecycle, versioning and encryption, whatever 'deep_archive_after_days', "
            "'noncurrent_expiry_days' and 'archive_admin_role' say. If no earlier stack of this project made it: turn "
            "on versioning, block public access, and add a rule that aborts incomplete uploads after 7 days",
        ),
        "key": (
            settings.existing_key,
            "must be in the region of this deployment and of the archive, and its policy must give the account that "
            "is deployed to to IAM (a statement for its root with kms:*, as the console writes it). Check with: "
            "aws kms get-key-policy --key-id KEY --policy-name default",
        ),
        "table": (
            settings.existing_table,
            "must be in this region with partition key 'media_id', sort key 'record' and index 'by-run' (run_id, "
            "status; all attributes), and keeps its own backups and deletion protection. Check with: "
            "aws dynamodb describe-table --table-name TABLE",
        ),
        "secret": (
            settings.existing_secret,
            "must be in this region and under the key aws/secretsmanager: the functions may use no other key for it. "
            "Check that KmsKeyId is missing in: aws secretsmanager describe-secret --secret-id SECRET",
        ),
    }
    for kind, (name, advice) in warnings.items():
        if name:
            text = f"adopted {kind} {name}: {advice.replace(kind.upper(), name)}"
            cdk.Annotations.of(stack).add_warning_v2(f"cloud-sync:adopted-{kind}", text)
