"""What a deployment tells its owner: names, links into the console, and the two commands that matter."""

from __future__ import annotations

from urllib.parse import quote

import aws_cdk as cdk

from cloud_sync.archive_construct import MEDIA_PREFIX
from cloud_sync.permissions import Resources
from cloud_sync.runs_construct import RUNS_PREFIX


def write_outputs(stack: cdk.Stack, *, resources: Resources, state_machine_arn: str) -> None:
    """Add the stack's outputs; their names are stable, scripts may rely on them."""
    region = stack.region
    console = f"https://{region}.console.aws.amazon.com"
    archive, runs = resources.archive.bucket_name, resources.runs.bucket_name
    table, secret = resources.tracker.table_name, resources.secret.name
    outputs = {
        "StateMachineArn": state_machine_arn,
        "StateMachineConsole": f"{console}/states/home?region={region}#/statemachines/view/{state_machine_arn}",
        "ArchiveBucketName": archive,
        "ArchiveBucketConsole": f"{console}/s3/buckets/{archive}?region={region}&prefix={MEDIA_PREFIX}",
        "RunsBucketName": runs,
        "RunsBucketConsole": f"{console}/s3/buckets/{runs}?region={region}&prefix={RUNS_PREFIX}",
        "TableName": table,
        "TableConsole": f"{console}/dynamodbv2/home?region={region}#table?name={table}",
        "SecretName": secret,
        "SecretConsole": f"{console}/secretsmanager/secret?name={quote(secret, safe='')}&region={region}",
        "KeyArn": resources.key.key_arn,
        "TopicArn": resources.topic.topic_arn,
        "StoreCookies": (
            f"aws secretsmanager put-secret-value --region {region} --secret-id {secret} "
            "--secret-string file://credentials.json"
        ),
        "StartRun": f"aws stepfunctions start-execution --region {region} --state-machine-arn {state_machine_arn}",
    }
    for name, value in outputs.items():
        cdk.CfnOutput(stack, name, value=value)
