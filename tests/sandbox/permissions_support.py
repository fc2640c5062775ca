"""A small stack with the kinds of grants that the product has, and calls made against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sandbox.aws.gateway.log import MEMBERS, ApiCall
from sandbox.aws.permissions import Evidence, PermissionReport, check
from sandbox.aws.permissions.model import OwnCall, ServiceCall
from sandbox.aws.permissions.policies import STEP_FUNCTIONS
from sandbox.aws.permissions.stack import Deployed, Stack
from sandbox.aws.template.model import Created, Resource
from sandbox.s3.log import LoggedRequest

REGION, ACCOUNT = "us-east-1", "123456789012"
BUCKET = "arn:aws:s3:::archive"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/tracker"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gopro/credentials-AbCdEf"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:sync"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:sync"
WORKER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:worker"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
SCHEDULE = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/daily"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/fresh"
VIA_S3 = f"s3.{REGION}.amazonaws.com"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OWNERS = {"AKIAWORKER": "worker", "AKIASTATES": STEP_FUNCTIONS, "AKIASANDBOX": "the sandbox itself"}

Document = dict[str, Any]


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def allow(actions: str | list[str], resources: str | list[str], **condition: Any) -> Document:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **condition}


def document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def worker_grants() -> list[Document]:
    """What the function may do: one statement for each kind of grant that the product has."""
    return [
        allow(["s3:PutObject", "s3:PutObjectTagging", "s3:GetObject"], f"{BUCKET}/media/*"),
        allow(["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], f"{BUCKET}/media/*"),
        allow("s3:ListBucket", BUCKET, Condition={"StringLikeIfExists": {"s3:prefix": "media/*"}}),
        allow("s3:ListBucketMultipartUploads", BUCKET),
        allow(["kms:GenerateDataKey", "kms:Decrypt"], KEY, Condition={"StringEquals": {"kms:ViaService": VIA_S3}}),
        allow([f"dynamodb:{name}" for name in ("GetItem", "PutItem", "UpdateItem", "ConditionCheckItem")], TABLE),
        allow("dynamodb:Query", f"{TABLE}/index/by-run"),
        allow(
            "dynamodb:DeleteItem",
            TABLE,
            Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["LOCK"]}},
        ),
        allow("secretsmanager:GetSecretValue", SECRET),
        allow("sns:Publish", TOPIC),
        allow("states:DescribeExecution", f"{EXECUTION}:*"),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:w:*"),
        allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"),
    ]


def machine_grants() -> list[Document]:
    return [
        allow("lambda:InvokeFunction", WORKER),
        allow(["s3:GetObject", "s3:PutObject"], f"{BUCKET}/runs/*"),
        allow("states:StartExecution", MACHINE),
        allow(["states:DescribeExecution", "states:StopExecution"], f"{EXECUTION}:*"),
    ]


def bucket_denials() -> list[Document]:
    """What the archive's own policy refuses, as the CDK synthesises it."""
    everyone = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Resource": [BUCKET, f"{BUCKET}/*"]}
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    return [
        {**everyone, "Sid": "Tls", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {**everyone, "Sid": "OldTls", "Action": "s3:*", "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}},
        {
            **everyone,
            "Sid": "OtherKeys",
            "Action": "s3:PutObject",
            "Condition": {"StringNotEquals": {header: KEY}, "Null": {header: "false"}},
        },
    ]


def without(statements: list[Document], action: str) -> list[Document]:
    """Take one action out of the statements that have it."""
    left = []
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        kept = [each for each in actions if each != action]
        if kept:
            left.append({**statement, "Action": kept})
    assert left != statements
    return left


def stack(
    *,
    worker: list[Document] | None = None,
    machine: list[Document] | None = None,
    bucket_policy: list[Document] | None = None,
    key_policy: list[Document] | None = None,
    queue_policy: Sequence[Document] = (),
    more: Sequence[Deployed] = (),
) -> Stack:
    """Return the stack; every policy can be replaced."""
    delegated = [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}]
    encryption = {"ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": True}]}
    target = {"Arn": MACHINE, "RoleArn": role_arn("schedule")}
    trace = {"TracingConfig": {"Mode": "Active"}, "LoggingConfig": {"LogGroup": "w"}}
    return Stack(
        (
            made("AWS::S3::Bucket", "archive", BUCKET, BucketEncryption=encryption),
            made(
                "AWS::S3::BucketPolicy",
                "archive-policy",
                Bucket="archive",
                PolicyDocument=document(*(bucket_denials() if bucket_policy is None else bucket_policy)),
            ),
            made("AWS::KMS::Key", "1", KEY, KeyPolicy=document(*(delegated if key_policy is None else key_policy))),
            made("AWS::SecretsManager::Secret", SECRET),
            made("AWS::Logs::LogGroup", "w"),
            made("AWS::IAM::Role", "worker-role", role_arn("worker-role")),
            made("AWS::IAM::Role", "machine", role_arn("machine")),
            made("AWS::IAM::Role", "schedule", role_arn("schedule")),
            made("AWS::IAM::Role", "rule", role_arn("rule")),
            policy("worker-role", worker_grants() if worker is None else worker),
            policy("machine", machine_grants() if machine is None else machine),
            policy("rule", [allow("states:StartExecution", MACHINE)]),
            policy("schedule", [allow("states:StartExecution", MACHINE), allow("sqs:SendMessage", QUEUE)]),
            made("AWS::Lambda::Function", "worker", WORKER, Role=role_arn("worker-role"), **trace),
            made("AWS::StepFunctions::StateMachine", MACHINE, MACHINE, RoleArn=role_arn("machine")),
            made("AWS::Scheduler::Schedule", "daily", Target=target),
            made("AWS::Events::Rule", "fresh", RULE, Targets=[{"Arn": MACHINE, "RoleArn": role_arn("rule")}]),
            made("AWS::SQS::Queue", "letters", QUEUE),
            made("AWS::SQS::QueuePolicy", "letters-policy", Queues=["letters"], PolicyDocument=document(*queue_policy)),
            *more,
        ),
        REGION,
        ACCOUNT,
    )


def made(kind: str, ref: str, arn: str = "", /, **properties: Any) -> Deployed:
    return Deployed(Resource(ref, kind, properties), Created(ref, {"Arn": arn}))


def policy(role: str, statements: list[Document]) -> Deployed:
    return made("AWS::IAM::Policy", f"{role}-policy", Roles=[role], PolicyDocument=document(*statements))


def s3_call(operation: str, key: str = "media/a", *, status: int = 200, **kept: Any) -> LoggedRequest:
    """Return a call of the worker's as the S3 server logs it; ``parameters``, ``secure`` and the rest as given."""
    who = kept.pop("access_key_id", "AKIAWORKER")
    return LoggedRequest(operation, "archive", key, status, who, **kept)


def api_call(service: str, operation: str, who: str = "AKIAWORKER", **parameters: Any) -> ApiCall:
    return ApiCall(1, service, operation, parameters, who, OWNERS.get(who), 200)


def touched(action: str, *leading: str, index: str | None = None) -> Document:
    """Return one member of a DynamoDB call on the tracker."""
    return {"Action": action, "TableName": "tracker", "IndexName": index, "LeadingKeys": list(leading)}


def row_call(operation: str, *members: Document) -> ApiCall:
    return ApiCall(1, "dynamodb", operation, {MEMBERS: list(members)}, "AKIAWORKER", "worker", 200)


def checked(
    deployed: Stack,
    *calls: LoggedRequest | ApiCall | ServiceCall | OwnCall,
    name_of: Callable[[str], str] = str,
) -> PermissionReport:
    """Check the calls against the stack."""
    evidence = Evidence(
        [call for call in calls if isinstance(call, LoggedRequest)],
        [call for call in calls if isinstance(call, ApiCall)],
        [call for call in calls if isinstance(call, ServiceCall)],
        OWNERS,
        frozenset({"the sandbox itself"}),
        [call for call in calls if isinstance(call, OwnCall)],
    )
    return check(deployed, evidence, name_of)


def refused(report: PermissionReport) -> list[tuple[str, str]]:
    """Return action and resource of everything that was not granted."""
    return [(each.action, each.resource) for each in report.ungranted]
