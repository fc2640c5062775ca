"""A small stack with every resource type that the walker applies, as the CDK would synthesise it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sandbox.aws_support import write_handler

_TRUST = {"Version": "2012-10-17", "Statement": []}
_GRANT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}
_BUCKET = {"Fn::Sub": "cdk-assets-${AWS::AccountId}-${AWS::Region}"}

HANDLER = """
import os, time
import boto3
from shared import WORD

s3, table = boto3.client("s3"), boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
secrets, sns = boto3.client("secretsmanager"), boto3.client("sns")

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    value = secrets.get_secret_value(SecretId=os.environ["SECRET_NAME"])["SecretString"]
    answer = s3.put_object(Bucket=os.environ["ARCHIVE_BUCKET"], Key="a/b", Body=WORD.encode())
    table.put_item(Item={"media_id": "m1", "record": "MEDIUM", "n": 3, "tags": {"b", "a"},
                         "raw": b"x", "deep": {"list": [1]}})
    sns.publish(TopicArn=os.environ["TOPIC_ARN"], Subject="done", Message=value)
    return {"encryption": answer["ServerSideEncryption"], "extra": os.environ["GOPRO_API_URL"],
            "key": os.environ["AWS_ACCESS_KEY_ID"]}
"""

DEFINITION = {
    "StartAt": "Work",
    "States": {
        "Work": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${WorkerArn}", "Payload.$": "$"},
            "ResultSelector": {"result.$": "$.Payload"},
            "TimeoutSeconds": 30,
            "End": True,
        }
    },
}


def _code(name: str) -> dict[str, Any]:
    return {"S3Bucket": _BUCKET, "S3Key": f"{name}.zip"}


def _arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def template() -> dict[str, Any]:
    """Return the stack's template, afresh for each caller to change."""
    return {
        "Conditions": {"Never": {"Fn::Equals": [{"Ref": "AWS::Region"}, "mars-1"]}},
        "Mappings": {"Words": {"us-east-1": {"greeting": "hello"}}},
        "Parameters": {"BootstrapVersion": {"Type": "String", "Default": "6"}},
        "Outputs": {
            "Joined": {"Value": {"Fn::Join": ["/", ["a", {"Ref": "Runs"}]]}},
            "Selected": {"Value": {"Fn::Select": [1, {"Fn::Split": [",", "x,y"]}]}},
            "Mapped": {"Value": {"Fn::FindInMap": ["Words", {"Ref": "AWS::Region"}, "greeting"]}},
            "Chosen": {"Value": {"Fn::If": ["Never", "no", {"Fn::Sub": "${Worker.Arn} ${!kept}"}]}},
        },
        "Resources": _storage() | _messages() | _functions() | _workflow(),
    }


def _storage() -> dict[str, Any]:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": _arn("Key")}
    rule = {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": default}
    return {
        "Archive": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]},
                "VersioningConfiguration": {"Status": "Enabled"},
                "LifecycleConfiguration": {"Rules": []},
                "Tags": [{"Key": "a", "Value": "b"}],
            },
            "DeletionPolicy": "Retain",
        },
        "Runs": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "RunsPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Runs"}, "PolicyDocument": {}},
        },
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"Description": "k", "EnableKeyRotation": True, "KeyPolicy": _TRUST},
        },
        "KeyAlias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/k", "TargetKeyId": _arn("Key")}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [
                    {"AttributeName": "media_id", "AttributeType": "S"},
                    {"AttributeName": "record", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "media_id", "KeyType": "HASH"},
                    {"AttributeName": "record", "KeyType": "RANGE"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
                "DeletionProtectionEnabled": True,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            },
        },
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "gopro/credentials"}},
        "SecretPolicy": {
            "Type": "AWS::SecretsManager::ResourcePolicy",
            "Properties": {"SecretId": {"Ref": "Secret"}, "ResourcePolicy": _TRUST},
        },
    }


def _messages() -> dict[str, Any]:
    return {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "t"}},
        "Mail": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": "a@example.org"},
        },
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {}},
        },
        "Letters": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": True},
        },
        "LettersPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Letters"}], "PolicyDocument": {}},
        },
    }


def _functions() -> dict[str, Any]:
    variables = {
        "TABLE_NAME": {"Ref": "Table"},
        "ARCHIVE_BUCKET": {"Ref": "Archive"},
        "RUNS_BUCKET": {"Ref": "Runs"},
        "SECRET_NAME": "gopro/credentials",
        "TOPIC_ARN": {"Ref": "Topic"},
    }
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": _TRUST}},
        "RolePolicy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "p", "PolicyDocument": _GRANT, "Roles": [{"Ref": "Role"}]},
        },
        "Source": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": _code("source")}},
        "Packages": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"Content": _code("packages"), "CompatibleArchitectures": ["arm64"]},
        },
        "WorkerLogs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
        "Worker": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": _code("worker"),
                "Handler": "handler.handler",
                "Runtime": "python3.13",
                "Architectures": ["arm64"],
                "Role": _arn("Role"),
                "Timeout": 20,
                "MemorySize": 256,
                "Layers": [{"Ref": "Packages"}, {"Ref": "Source"}],
                "LoggingConfig": {"LogGroup": {"Ref": "WorkerLogs"}},
                "Environment": {"Variables": variables},
            },
            "DependsOn": ["RolePolicy"],
        },
        "Allowed": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {"FunctionName": {"Ref": "Worker"}, "Action": "lambda:InvokeFunction", "Principal": "x"},
        },
    }


def _workflow() -> dict[str, Any]:
    return {
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "DefinitionString": json.dumps(DEFINITION),
                "DefinitionSubstitutions": {"WorkerArn": _arn("Worker")},
                "RoleArn": _arn("Role"),
                "StateMachineType": "STANDARD",
                "TracingConfiguration": {"Enabled": True},
            },
        },
        "Daily": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ScheduleExpression": "rate(1 day)",
                "Target": {"Arn": {"Ref": "Machine"}, "RoleArn": _arn("Role"), "Input": "{}"},
            },
        },
        "Fresh": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.secretsmanager"], "detail": {"name": ["gopro/credentials"]}},
                "Targets": [{"Id": "Target0", "Arn": {"Ref": "Machine"}, "RoleArn": _arn("Role"), "Input": "{}"}],
            },
        },
        "Board": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardBody": {"Fn::Sub": '{"widgets": [{"type": "text", "region": "${AWS::Region}"}]}'}},
        },
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Threshold": 1}},
        "Never": {"Type": "AWS::SNS::Topic", "Properties": {}, "Condition": "Never"},
        "Analytics": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "x"}},
    }


def write_assembly(folder: Path, document: dict[str, Any]) -> Path:
    """Write a cloud assembly with the template and its three assets; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_handler(folder / "asset.worker", HANDLER)
    for name, file in (("source", "shared.py"), ("packages", "foreign.py")):
        (folder / f"asset.{name}" / "python").mkdir(parents=True, exist_ok=True)
        (folder / f"asset.{name}" / "python" / file).write_text("WORD = 'from the layer'\n", encoding="utf-8")
    (folder / "asset.packages" / "python" / "foreign-1.0.dist-info").mkdir(exist_ok=True)
    files = {
        name: {
            "source": {"path": f"asset.{name}", "packaging": "zip"},
            "destinations": {"current": {"bucketName": "x", "objectKey": f"{name}.zip"}},
        }
        for name in ("worker", "source", "packages")
    }
    (folder / "Stack.assets.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    (folder / "Stack.template.json").write_text(json.dumps(document), encoding="utf-8")
    return folder
