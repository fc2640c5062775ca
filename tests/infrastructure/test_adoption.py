"""What an earlier stack has left is taken over: nothing of its kind is made again, and everything leads to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloud_sync.settings import Settings, SettingsError
from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import Template, actions_of, as_list, text_of
from tests.infrastructure.variants import ADOPTED, BUCKET, KEY, SECRET, TABLE, Context, folder_of

# Each kind alone (a bucket only with its key), then all: what is adopted, and the types that are not created for it.
CASES: dict[str, tuple[Context, set[str]]] = {
    "key": (KEY, {"KMS::Key"}),
    "bucket": (BUCKET, {"KMS::Key", "S3::Bucket Archive", "S3::BucketPolicy Archive"}),
    "table": (TABLE, {"DynamoDB::Table"}),
    "secret": (SECRET, {"SecretsManager::Secret"}),
    "all": (
        ADOPTED,
        {
            "KMS::Key",
            "S3::Bucket Archive",
            "S3::BucketPolicy Archive",
            "DynamoDB::Table",
            "SecretsManager::Secret",
        },
    ),
}
ALL_KINDS = CASES["all"][1]
KEY_ARN = KEY["existing_key"]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, variant: Variant) -> tuple[Template, Context, set[str]]:
    context, gone = CASES[request.param]
    return variant(context), context, gone


def _created(template: Template, kind: str) -> list[str]:
    resource_type, _, prefix = kind.partition(" ")
    return [name for name in template.of_type(resource_type) if name.startswith(prefix)]


def test_what_is_adopted_is_not_created_and_the_rest_is(case: tuple[Template, Context, set[str]]) -> None:
    template, _, gone = case
    assert {kind for kind in ALL_KINDS if not _created(template, kind)} == gone


def test_nothing_refers_to_what_is_not_created(case: tuple[Template, Context, set[str]], template: Template) -> None:
    adopting, _, gone = case
    text = json.dumps(adopting.document)
    missing = [name for kind in gone for name in _created(template, kind)]
    assert missing
    assert [name for name in missing if f'"{name}"' in text] == []


def test_the_functions_work_with_what_is_adopted(case: tuple[Template, Context, set[str]]) -> None:
    adopting, context, _ = case
    expected = {
        "ARCHIVE_BUCKET": context.get("existing_bucket", "<ArchiveBucket49F1AC64>"),
        "TABLE_NAME": context.get("existing_table", "<TrackerTableDF8203A0>"),
        "SECRET_NAME": context.get("existing_secret", "gopro/credentials"),
    }
    for function in adopting.of_type("Lambda::Function").values():
        variables = function["Properties"]["Environment"]["Variables"]
        assert {name: text_of(variables[name]) for name in expected} == expected


def _resources_of(template: Template, service: str) -> set[str]:
    """What the functions' roles may touch of a service."""
    found = set()
    for statement in template.allowed():
        if any(action.startswith(f"{service}:") for action in actions_of([statement])):
            found |= {text_of(resource) for resource in as_list(statement["Resource"])}
    return found


def test_the_roles_are_cut_to_what_is_adopted(variant: Variant) -> None:
    template = variant(ADOPTED)
    assert _resources_of(template, "kms") == {KEY_ARN}
    assert {text for text in _resources_of(template, "s3") if "<RunsBucket" not in text} >= {
        "arn:<AWS::Partition>:s3:::an-old-archive",
        "arn:<AWS::Partition>:s3:::an-old-archive/gopro-videos/*",
    }
    account = "<AWS::Region>:<AWS::AccountId>"
    assert _resources_of(template, "dynamodb") == {
        f"arn:<AWS::Partition>:dynamodb:{account}:table/OldTracker",
        f"arn:<AWS::Partition>:dynamodb:{account}:table/OldTracker/index/by-run",
    }
    # The six characters that AWS adds to a secret's name are unknown, and no other name fits.
    assert _resources_of(template, "secretsmanager") == {
        f"arn:<AWS::Partition>:secretsmanager:{account}:secret:gopro/old-credentials-??????"
    }


def test_an_adopted_key_is_used_through_s3_of_this_region_only(variant: Variant) -> None:
    for context in (KEY, BUCKET, ADOPTED):
        statements = [statement for statement in variant(context).allowed() if "kms:Decrypt" in actions_of([statement])]
        assert statements
        for statement in statements:
            assert text_of(statement["Condition"]["StringEquals"]["kms:ViaService"]) == (
                "s3.<AWS::Region>.<AWS::URLSuffix>"
            )


def test_our_own_bucket_uses_the_adopted_key_and_lets_in_no_other(variant: Variant) -> None:
    template = variant(KEY)
    [rule] = template.properties("S3::Bucket", "Archive")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEY_ARN
    policy = template.properties("S3::BucketPolicy", "Archive")["PolicyDocument"]["Statement"]
    [denial] = [statement for statement in policy if statement.get("Sid") == "DenyOtherKeys"]
    assert KEY_ARN in json.dumps(denial["Condition"])


def test_fresh_cookies_in_the_adopted_secret_start_a_run(variant: Variant) -> None:
    rule = variant(ADOPTED).properties("Events::Rule", "FreshCookies")
    assert rule["EventPattern"]["detail"]["name"] == ["gopro/old-credentials"]


def test_the_outputs_lead_to_what_is_adopted(variant: Variant) -> None:
    outputs = {name: text_of(entry["Value"]) for name, entry in variant(ADOPTED).document["Outputs"].items()}
    assert outputs["ArchiveBucketName"] == "an-old-archive"
    assert outputs["TableName"] == "OldTracker"
    assert outputs["SecretName"] == "gopro/old-credentials"
    assert outputs["KeyArn"] == KEY_ARN


def _warnings(folder: Path) -> list[str]:
    """What the CDK prints as warnings: entries in the manifest, or in the metadata file that it names."""
    found = []
    for path in (folder / "manifest.json", *folder.glob("*.metadata.json")):
        found += list(_of_type(json.loads(path.read_text(encoding="utf-8")), "aws:cdk:warning"))
    return found


def _of_type(document: Any, wanted: str) -> list[str]:
    if isinstance(document, list):
        return [text for entry in document for text in _of_type(entry, wanted)]
    if not isinstance(document, dict):
        return []
    if document.get("type") == wanted:
        return [str(document["data"])]
    return [text for value in document.values() for text in _of_type(value, wanted)]


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("key", {"adopted key arn:aws:kms:"}),
        ("bucket", {"adopted key arn:aws:kms:", "adopted bucket an-old-archive: "}),
        ("table", {"adopted table OldTracker: "}),
        ("secret", {"adopted secret gopro/old-credentials: "}),
    ],
)
def test_whoever_adopts_is_told_what_to_look_at_once(variants: Path, name: str, starts: set[str]) -> None:
    warnings = _warnings(variants / folder_of(CASES[name][0]))
    assert len(warnings) == len(starts)
    assert all(any(warning.startswith(start) for warning in warnings) for start in starts)
    assert all("\n" not in warning for warning in warnings)


def test_a_stack_that_adopts_nothing_warns_of_nothing(variants: Path) -> None:
    assert _warnings(variants / folder_of({})) == []


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"existing_bucket": "an-archive"}, "'existing_bucket' needs 'existing_key'"),
        ({**KEY, "existing_bucket": "arn:aws:s3:::an-archive"}, "'existing_bucket' must be a bucket's name"),
        ({**KEY, "existing_bucket": "An-Archive"}, "'existing_bucket' must be a bucket's name"),
        ({"existing_key": KEY_ARN.rpartition("/")[2]}, "'existing_key' must be a KMS key's ARN"),
        ({"existing_key": "alias/archive"}, "'existing_key' must be a KMS key's ARN"),
        ({"existing_key": "arn:aws:kms:eu-central-1:123456789012:alias/archive"}, "'existing_key' must be"),
        ({"existing_table": "arn:aws:dynamodb:eu-central-1:123456789012:table/T"}, "'existing_table' must be"),
        ({"existing_secret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s-Ab1"}, "'existing_secret'"),
    ],
)
def test_a_wrong_form_is_refused_in_one_line(context: Context, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_context(context)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
