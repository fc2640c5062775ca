"""The deployed stack as permissions see it: resources with what they became, and the facts that ARNs are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.aws.permissions.model import PermissionsError
from sandbox.aws.template.model import Created, Resource

_CUSTOMER_KEYS = {
    "AWS::DynamoDB::Table": "SSESpecification",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::Scheduler::Schedule": "KmsKeyArn",
}
"""Properties that make callers need a key's permission in ways that no rule here knows."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A resource and what references to it resolve to."""

    resource: Resource
    created: Created

    @property
    def name(self) -> str:
        """The resource's logical id: what a person finds it by in the template."""
        return self.resource.logical_id


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's ARN and the customer's key that it is under, if any."""

    arn: str
    kms_key: str | None


@dataclass(frozen=True)
class Stack:
    """Everything that was deployed, in the order of creation, and where: the account's own names."""

    resources: tuple[Deployed, ...]
    region: str
    account: str
    partition: str = "aws"

    def of(self, kind: str) -> list[Deployed]:
        """Return the resources of a type."""
        return [each for each in self.resources if each.resource.type == kind]

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a regional resource of this account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def bucket_arn(self, bucket: str) -> str:
        """Return a bucket's ARN."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def uses_bucket_key(self, bucket: str) -> bool:
        """Tell whether a bucket encrypts under a bucket key, whose encryption context is the bucket's ARN."""
        found = next((each for each in self.of("AWS::S3::Bucket") if each.created.ref == bucket), None)
        encryption = found.resource.properties.get("BucketEncryption", {}) if found else {}
        rules = encryption.get("ServerSideEncryptionConfiguration", [])
        return any(rule.get("BucketKeyEnabled", False) for rule in rules)

    def secret(self, name_or_arn: str) -> Secret:
        """Return a secret by what a call names it; one that is not of the stack has an ARN of the usual form."""
        for each in self.of("AWS::SecretsManager::Secret"):
            # The ARN is the name and six more characters (Secrets Manager user guide, "What's in a secret").
            if name_or_arn in (each.created.ref, each.created.ref.rpartition(":")[2][:-7]):
                return Secret(each.created.ref, _customer_key(each))
        return Secret(name_or_arn if name_or_arn.startswith("arn:") else self._foreign_secret(name_or_arn), None)

    def _foreign_secret(self, name: str) -> str:
        return self.arn("secretsmanager", f"secret:{name}-??????")


def _customer_key(secret: Deployed) -> str | None:
    key = secret.resource.properties.get("KmsKeyId")
    if key is None or key.endswith("alias/aws/secretsmanager"):
        return None
    if not (key.startswith("arn:") and ":key/" in key):
        raise PermissionsError(f"{secret.name}: name its key by the key's ARN, not {key}")
    return str(key)


def deployed_stack(
    resolved: Mapping[str, Resource], made: Mapping[str, Sequence[Created]], *, region: str, account: str
) -> Stack:
    """Put together what the walker has collected: both collections are in the order of creation."""
    waiting = {kind: iter(created) for kind, created in made.items()}
    resources = []
    for resource in resolved.values():
        created = next(waiting.get(resource.type, iter(())), None)
        if created is None:
            raise PermissionsError(f"{resource.logical_id}: it was not created; deploy the stack first")
        resources.append(Deployed(resource, created))
    _refuse_other_keys(resources)
    return Stack(tuple(resources), region, account)


def _refuse_other_keys(resources: Iterable[Deployed]) -> None:
    for each in resources:
        prop = _CUSTOMER_KEYS.get(each.resource.type, "")
        value = each.resource.properties.get(prop)
        key = value.get("KMSMasterKeyId") if isinstance(value, Mapping) else value
        if key is not None and "alias/aws/" not in str(key):
            raise PermissionsError(f"{each.name}: who may use the key of its {prop} is not known to the sandbox")
