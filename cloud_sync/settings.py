"""The settings of a deployment: one frozen, validated dataclass, read from CDK context.

Every field says its unit, its default and what it costs. Values come from ``cdk.json``'s ``context``, from
``cdk deploy -c key=value`` or from the sandbox's ``--setting KEY=VALUE``, so they may arrive as strings. No AWS import
here: the sandbox and the tests read settings without loading the CDK.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cloud_sync.settings_checks import check

MIB = 1024 * 1024
GIB = 1024 * MIB


class SettingsError(ValueError):
    """A setting is unknown or has a value that cannot work; the message is one line and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that an owner may choose. Prices are us-east-1 list prices of 2026."""

    stage: str = "prod"
    """Names the deployment; ``prod`` has the secret ``gopro/credentials``, others ``gopro/credentials-<stage>``.
    Stages deploy side by side; each costs about $1.40 a month (one KMS key, one secret) before storage."""

    schedule: str = "cron(0 3 * * ? *)"
    """When runs start: ``cron(...)`` with six fields or ``rate(...)``. A run that finds nothing costs under a cent."""

    schedule_timezone: str = "UTC"
    """IANA time zone of ``schedule``, daylight saving time included (``Europe/Berlin``). Free."""

    schedule_flexible_minutes: int = 30
    """Minutes within which a scheduled run may start, 0 to 1,440; 0 = on the minute. Free."""

    schedule_enabled: bool = True
    """``false`` keeps the schedule but starts nothing; hand-started runs still work. Free."""

    alert_email: str = ""
    """Address that is told of failed runs and refused cookies; empty = nobody. Free below 1,000 mails a month."""

    max_concurrent_media: int = 3
    """Media copied at the same time, 1 to 40: how hard GoPro is asked. New AWS accounts have 10 concurrent functions
    in all. No cost of its own."""

    workers: int = 4
    """Source connections per function, 1 to 16. More are faster until memory's share of the CPU is used up."""

    max_functions_per_medium: int = 2
    """Functions that may work on one large medium at the same time, 1 to 40. No cost of its own."""

    max_source_connections: int = 24
    """Ceiling of ``max_concurrent_media`` x ``max_functions_per_medium`` x ``workers``: connections that GoPro's CDN
    may see at once. A guard: a product above it is refused at synthesis."""

    tolerated_failures: int = 2
    """Children that may fail for reasons of the run (cookies, permissions) before the Map ends, 0 to 1,000. A medium's
    own failure is no such child. No cost."""

    max_stalled_passes: int = 3
    """Passes in a row that move nothing before a medium is FAILED, 1 to 20. A pass costs a function's start."""

    multipart_threshold: int = 100 * MIB
    """Bytes up to which a piece of known size is one PutObject, 5 MiB to 5 GiB; larger ones are cut into parts."""

    bytes_per_function: int = 32 * GIB
    """Bytes of one medium given to one function before another one helps, at least 5 MiB. No cost of its own."""

    archive_storage_class: str = "GLACIER_IR"
    """Storage class of media from the first byte on: ``STANDARD`` $23.55, ``STANDARD_IA`` $12.80,
    ``INTELLIGENT_TIERING`` $23.55 falling with age, ``GLACIER_IR`` $4.10, ``GLACIER`` $3.69, ``DEEP_ARCHIVE`` $1.01 per
    TB and month. The last two must be restored (hours) before they can be read."""

    deep_archive_after_days: int = 0
    """Days after which media move on to ``DEEP_ARCHIVE``; 0 = never. Not before the class's minimum duration (90 for
    ``GLACIER_IR``): earlier would pay for the rest of it. $0.05 per 1,000 objects, once."""

    noncurrent_expiry_days: int = 180
    """Days that a replaced or deleted version is kept, at least the longest minimum duration of the classes in use
    (otherwise AWS charges an early-delete fee). The pipeline itself makes no such versions."""

    runs_expiry_days: int = 365
    """Days that manifests and reports of runs are kept, 30 to 3,650. A few cents a year."""

    downloader_memory_mb: int = 512
    """Memory of ``video_downloader`` in MB, 256 to 10,240; CPU grows with it (1 vCPU at 1,769 MB).
    512 MB at 75 MB/s: about $0.09 per TB."""

    uploader_memory_mb: int = 512
    """Memory of ``multipart_uploader`` in MB, 256 to 10,240; cost as ``downloader_memory_mb``."""

    lister_memory_mb: int = 1024
    """Memory of ``media_lister`` in MB, 256 to 10,240; merges the whole listing. Cents a month."""

    run_control_memory_mb: int = 1024
    """Memory of ``run_control`` in MB, 256 to 10,240; reads a whole run's rows for the report. Under a cent a month."""

    function_timeout_seconds: int = 900
    """Seconds before Lambda ends a function, 60 to 900. Shorter means more, smaller slices of a large file."""

    log_retention_days: int = 30
    """Days that logs are kept (one of the numbers CloudWatch allows). $0.03 per GB and month after 5 GB."""

    log_level: str = "INFO"
    """``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``. Logs cost $0.50 per GB after 5 GB a month."""

    allowed_hosts: str = "gopro.com"
    """Comma list of host suffixes that pre-signed URLs may point to; anything else is refused."""

    archive_admin_role: str = ""
    """ARN of the one role that may delete object versions of the archive; empty = nobody until it is set."""

    existing_bucket: str = ""
    """Name of an archive bucket to adopt (after a destroy, or a move), with its key in ``existing_key``. Its own
    policy, lifecycle and encryption then stay as they are."""

    existing_key: str = ""
    """ARN of a KMS key to adopt; saves the $1.00 a month of our own. Its policy must admit this account's IAM."""

    existing_table: str = ""
    """Name of a tracker table to adopt; it must have the keys and the index of ours."""

    existing_secret: str = ""
    """Name of a secret to adopt, usually the ``gopro/credentials`` that an earlier stack left."""

    def __post_init__(self) -> None:
        """Refuse values that cannot work, alone or together."""
        problem = check(self)
        if problem:
            raise SettingsError(problem)

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Settings:
        """Read settings from CDK context; raises ``SettingsError`` for unknown keys and bad values.

        Keys with a colon belong to the CDK itself (feature flags, look-ups, ``aws:cdk:...``) and are passed over.
        """
        known = {field.name: type(field.default) for field in fields(cls)}
        own = {key: value for key, value in context.items() if ":" not in key}
        for key in own:
            if key not in known:
                raise SettingsError(_unknown(key, list(known)))
        return cls(**{key: _parse(key, value, known[key]) for key, value in own.items()})

    @property
    def secret_name(self) -> str:
        """The secret that holds the cookies: the adopted one, or the stage's own."""
        if self.existing_secret:
            return self.existing_secret
        return "gopro/credentials" if self.stage == "prod" else f"gopro/credentials-{self.stage}"

    @property
    def stack_name(self) -> str:
        """CloudFormation's name of this stage."""
        return "GoProCloudSync" if self.stage == "prod" else f"GoProCloudSync-{self.stage}"


def _unknown(key: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    return f"unknown setting {key!r}: did you mean {nearest!r}? (settings are listed in cloud_sync/settings.py)"


def _parse(key: str, value: object, kind: type) -> Any:
    """Return the value in its field's type; strings are read as the command line writes them."""
    text = value.strip() if isinstance(value, str) else value
    if kind is bool:
        if isinstance(text, bool):
            return text
        if text in ("true", "false"):
            return text == "true"
        raise SettingsError(f"setting {key!r} must be true or false, not {value!r}")
    if kind is int:
        if isinstance(text, int) and not isinstance(text, bool):
            return text
        if isinstance(text, str) and re.fullmatch(r"-?[0-9]{1,15}", text):
            return int(text)
        raise SettingsError(f"setting {key!r} must be a whole number, not {value!r}")
    if not isinstance(text, str):
        raise SettingsError(f"setting {key!r} must be a text, not {value!r}")
    return text
