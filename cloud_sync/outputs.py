"""What a deployment tells its owner: names, links into the console, and the two commands that matter."""

from __future__ import annotations

from urllib.parse import quote

import aws_cdk as cdk

from cloud_sync.archive_construct import MEDIA_PREFIX
from cloud_sync.permissions import Resources
from cloud_sync.runs_construct import RUNS_PREFIX


def write_outputs(stack: cdk.Stack, *, resources: Resources, state_machine_arn: str, dashboard_name: str) -> None:
    """Add the stack's outputs; their names are stable, scripts may rely on them."""
    region = stack.region
    archive, runs = resources.archive.bucket_name, resources.runs.bucket_name
    table, secret = resources.tracker.table_name, resources.secret.name
    console = f"https://{_console_host(stack)}"
    outputs = {
        "StateMachineArn": (state_machine_arn, "The state machine; an execution of it is a run"),
        "StateMachineConsole": (
            f"{console}/states/home?region={region}#/statemachines/view/{state_machine_arn}",
            "Runs: what is under way, what has ended; a new one by 'Start execution' with the input {}",
        ),
        "StartRun": (
            f"aws stepfunctions start-execution --region {region} --state-machine-arn {state_machine_arn}",
            "Starts a run: everything that is new",
        ),
        "SecretName": (secret, "The secret with GoPro's cookies"),
        "SecretConsole": (
            f"{console}/secretsmanager/secret?name={_quoted(secret)}&region={region}",
            "Cookies: store them here ('Set secret value', plain text) or with StoreCookies",
        ),
        "StoreCookies": (
            f"aws secretsmanager put-secret-value --region {region} --secret-id {secret} "
            "--secret-string file://credentials.json",
            "Stores the cookies out of a file with 'cookies' and 'user-agent'",
        ),
        "DashboardConsole": (
            f"{console}/cloudwatch/home?region={region}#dashboards/dashboard/{dashboard_name}",
            "Runs, media, failures and functions at a glance",
        ),
        "ArchiveBucketName": (archive, "The archive"),
        "ArchiveBucketConsole": (
            f"{console}/s3/buckets/{archive}?region={region}&prefix={MEDIA_PREFIX}",
            "The archived media",
        ),
        "RunsBucketName": (runs, "Reports and work files of runs"),
        "RunsBucketConsole": (
            f"{console}/s3/buckets/{runs}?region={region}&prefix={RUNS_PREFIX}",
            "Reports: one folder for each run, report.md in it",
        ),
        "TableName": (table, "The tracker"),
        "TableConsole": (
            f"{console}/dynamodbv2/home?region={region}#table?name={_quoted(table)}",
            "The tracker: one item for each medium and each of its pieces",
        ),
        "KeyArn": (resources.key.key_arn, "The key that the archive is encrypted with; nothing can be read without it"),
        "TopicArn": (resources.topic.topic_arn, "Where failed runs and refused cookies are announced; subscribe here"),
    }
    for name, (value, description) in outputs.items():
        cdk.CfnOutput(stack, name, value=value, description=description)


def _console_host(stack: cdk.Stack) -> str:
    """Return the console's host, chosen at deployment: China and GovCloud have consoles of their own.

    AWS General Reference and the GovCloud and China guides. A condition and no mapping: in a partition that is listed
    nowhere here a mapping would make the deployment fail, for a link.
    """
    hosts = {"China": ("aws-cn", "console.amazonaws.cn"), "GovCloud": ("aws-us-gov", "console.amazonaws-us-gov.com")}
    host = "console.aws.amazon.com"
    for name, (partition, other) in hosts.items():
        condition = cdk.CfnCondition(
            stack, f"Is{name}", expression=cdk.Fn.condition_equals(cdk.Aws.PARTITION, partition)
        )
        host = cdk.Token.as_string(cdk.Fn.condition_if(condition.logical_id, other, host))
    return host


def _quoted(name: str) -> str:
    """Return a name as part of a link; one that CloudFormation makes has letters, digits and hyphens only."""
    return name if cdk.Token.is_unresolved(name) else quote(name, safe="")
