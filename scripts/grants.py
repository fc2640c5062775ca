"""Everything that a template's policies say, in the words of docs/SECURITY.md: who may do what, on what, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.judged import ADOPTED

FUNCTIONS = ("run_control", "media_lister", "video_downloader", "multipart_uploader")

# Logical ids without the CDK's hash. What is not here is shown by its id.
WORDS: Mapping[str, str] = {
    "ArchiveBucket": "archive bucket",
    "RunsBucket": "runs bucket",
    "TrackerTable": "tracker",
    "CredentialsSecret": "secret",
    "AlertsTopic": "topic",
    "Key": "key",
    "SyncStateMachine": "machine",
    "SyncLogs": "machine's log",
    "SyncRole": "state machine",
    "ScheduleRole": "schedule",
    "ScheduleDeadLetters": "schedule's queue",
    "FreshCookiesRole": "fresh cookies",
    "FreshCookiesDeadLetters": "fresh cookies' queue",
    **{
        f"Functions{''.join(word.title() for word in name.split('_'))}{part}": f"{name}{said}"
        for name in FUNCTIONS
        for part, said in (("", ""), ("Role", ""), ("RoleDefaultPolicy", "'s policy"), ("Logs", "'s log"))
    },
}
_ARN = r"arn:<AWS::Partition>:[a-z0-9-]+:(?:<AWS::Region>:<AWS::AccountId>)?:*"
_SHOWN = (
    (rf"arn:<AWS::Partition>:s3:::{ADOPTED['existing_bucket']}", "archive bucket"),
    (re.escape(ADOPTED["existing_key"]), "key"),
    (rf"{_ARN}table/{ADOPTED['existing_table']}", "tracker"),
    (rf"{_ARN}secret:{ADOPTED['existing_secret']}", "secret"),
    (r"arn:<AWS::Partition>:iam::<AWS::AccountId>:root", "this account"),
    (_ARN, ""),
    (r"<AWS::Region>", "{region}"),
    (r"<AWS::AccountId>", "{account}"),
    (r"<AWS::Partition>", "{partition}"),
    (r"<AWS::URLSuffix>", "{suffix}"),
)
# Permissions in a form of their own.
_UNTOLD = (
    "AWS::Lambda::Permission",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::SecretsManager::ResourcePolicy",
)


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One action of one statement: ``holder`` is a role, or the resource whose own policy it is.

    ``who`` is empty in a role's policy, else the principal; ``effect`` is Allow or Deny; ``condition`` may be empty.
    A role's trust is an Allow of ``sts:AssumeRole`` without resource.
    """

    holder: str
    effect: str
    who: str
    action: str
    resource: str
    condition: str


def word(logical_id: str) -> str:
    """Return what a resource is called in the document."""
    plain = re.sub(r"[0-9A-F]{8}$", "", logical_id)
    return WORDS.get(plain, plain)


def grants(template: Mapping[str, Any]) -> frozenset[Grant]:
    """Return what all policies of a template say; raises ``ValueError`` for a form that cannot be told in these words.

    Policies are found wherever a property has statements, so that a new kind of them cannot be overlooked.
    """
    return frozenset(
        grant
        for logical_id, resource in template["Resources"].items()
        for holder, statements in _policies(logical_id, resource)
        for statement in statements
        for grant in _read(holder, statement)
    )


def _policies(logical_id: str, resource: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give each policy's holder and statements."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if "ManagedPolicyArns" in properties:
        raise ValueError(f"{logical_id} has managed policies: what they say is not in the template")
    if kind in _UNTOLD:
        raise ValueError(f"{logical_id} is a {kind}: teach scripts/grants.py to tell what it says")
    for statements in _statements(properties):
        if kind == "AWS::IAM::Policy":
            for role in properties["Roles"]:
                yield word(role["Ref"]), statements
        elif kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
            for on in _as_list(properties.get("Bucket") or properties.get("Queues") or properties.get("Topics")):
                yield _shown(on), statements
        else:
            yield word(logical_id), statements


def _statements(value: object) -> Iterator[list[dict[str, Any]]]:
    """Find every policy document within a property."""
    if isinstance(value, dict):
        if "Statement" in value:
            yield _as_list(value["Statement"])
        else:
            for inner in value.values():
                yield from _statements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _statements(inner)


def _read(holder: str, statement: Mapping[str, Any]) -> Iterator[Grant]:
    unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}
    if unknown:
        raise ValueError(f"a statement of {holder} has {', '.join(sorted(unknown))}: teach scripts/grants.py its words")
    for who in _principals(statement.get("Principal")):
        for action in _as_list(statement["Action"]):
            for resource in _as_list(statement.get("Resource", "")):
                shown = _shown(resource).replace(f"{holder}'s log", "its log")
                yield Grant(holder, statement["Effect"], who, action, shown, condition(statement.get("Condition", {})))


def _principals(principal: object) -> list[str]:
    if principal is None:
        return [""]
    if isinstance(principal, dict):
        found = [_shown(who) for entries in principal.values() for who in _as_list(entries)]
        return ["anyone" if who == "*" else who for who in found]
    return ["anyone" if principal == "*" else str(principal)]


def condition(block: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a condition as ``StringEquals kms:ViaService = a or b; Bool aws:SecureTransport = false``."""
    return "; ".join(
        f"{operator} {key} = {' or '.join(sorted(_shown(value) for value in _as_list(values)))}"
        for operator, tests in sorted(block.items())
        for key, values in sorted(tests.items())
    )


def _shown(value: object) -> str:
    text = _text(value)
    for pattern, said in _SHOWN:
        text = re.sub(pattern, said, text)
    return re.sub(r"<(\w+?)(?:\.\w+)?>", lambda found: word(found[1]), text)


def _text(value: object) -> str:
    """Return an intrinsic as text, with ``<LogicalId>`` or ``<LogicalId.Attribute>`` for what AWS fills in."""
    match value:
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_text(part) for part in parts)
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case _:
            raise ValueError(f"cannot tell what {value!r} stands for: teach scripts/grants.py")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
