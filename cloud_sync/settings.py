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
    """Names the deployment and picks its set of values from ``stages`` in ``cdk.json``. Stages deploy side by side;
    ``prod`` has the secret ``gopro/credentials``, others ``gopro/credentials-<stage>``.
    Unit: name. Default: ``prod``. Cost: about $1.40 a month for each stage (one KMS key, one secret) before storage."""

    schedule: str = "cron(0 3 * * ? *)"
    """When runs start: ``cron(...)`` with six fields, or ``rate(...)``.
    Unit: expression. Default: ``cron(0 3 * * ? *)``. Cost: under a cent for a run that finds nothing."""

    schedule_timezone: str = "UTC"
    """The zone that ``schedule`` is meant in, daylight saving time included (``Europe/Berlin``).
    Unit: IANA name. Default: ``UTC``. Cost: none."""

    schedule_flexible_minutes: int = 30
    """Within how long of its time a scheduled run may start; 0 = on the minute.
    Unit: minutes, 0 to 1,440. Default: ``30``. Cost: none."""

    schedule_enabled: bool = True
    """``false`` keeps the schedule but starts nothing; hand-started runs still work.
    Unit: true or false. Default: ``true``. Cost: none."""

    run_on_fresh_cookies: bool = True
    """Start a run when new cookies are stored in the secret, so that nobody has to wait for the schedule.
    Unit: true or false. Default: ``true``. Cost: none for the rule; under a cent for a run that finds nothing."""

    alert_email: str = ""
    """Who is told of failed runs and refused cookies; empty = nobody.
    Unit: e-mail address. Default: empty. Cost: none below 1,000 mails a month, then $2 for 100,000."""

    extra_pieces: str = "raw_photo,gpmf,gpx,edl_mce"
    """What is copied besides originals and ``medium.json``, by GoPro's labels; empty = nothing. ``raw_photo``, ``gpmf``
    (telemetry), ``gpx`` (track), ``edl_mce`` (edit list), ``mediainfo``, ``timelapse_video``, ``concat``; proxies:
    ``high_res_proxy_mp4``, ``edit_proxy``, ``mp4_low``, ``audio_proxy``; thumbnails: ``large``, ``medium``. Media that
    are archived already get what is added here in a run with ``relist``.
    Unit: comma list of labels. Default: ``raw_photo,gpmf,gpx,edl_mce``. Cost: about $0.00002 a file for its requests,
    and its storage."""

    side_file_days: int = 14
    """How long after its upload a medium's late telemetry, track or edit list is looked for again, by each run: GoPro
    makes them when it has time, and cameras without GPS never get a track.
    Unit: days, 0 to 365. Default: ``14``. Cost: about $0.0002 for a medium and run."""

    not_ready_alarm_days: int = 7
    """How long GoPro may be at work on a medium before somebody is told.
    Unit: days, 1 to 365. Default: ``7``. Cost: none."""

    max_concurrent_media: int = 3
    """Media copied at the same time: how hard GoPro is asked. New AWS accounts have 10 concurrent functions in all.
    Unit: media, 1 to 40. Default: ``3``. Cost: none of its own."""

    workers: int = 4
    """Source connections of one function at most: as many are used as its share of the CPU has room for.
    Unit: connections, 1 to 16. Default: ``4``. Cost: none of its own."""

    transfer_adapter: str = "sockets"
    """Who puts a file's bytes on the wire: ``sockets``, our own, or ``requests``, the libraries everybody uses, which
    need 1.4 times the CPU time, for networks where the first fails. Behind a proxy it is always ``requests``.
    Unit: name. Default: ``sockets``. Cost: ``requests`` takes at most $0.04 more of compute for a TB."""

    max_functions_per_medium: int = 2
    """Functions that may work on one large medium at the same time.
    Unit: functions, 1 to 40. Default: ``2``. Cost: none of its own."""

    max_source_connections: int = 24
    """Ceiling of ``max_concurrent_media`` x ``max_functions_per_medium`` x ``workers``: what GoPro's CDN may see at
    once. A guard: a product above it is refused at synthesis.
    Unit: connections, 1 to 1,000. Default: ``24``. Cost: none."""

    tolerated_failures: int = 2
    """Children that may fail for reasons of the run (cookies, permissions) before the Map ends. A medium's own failure
    is no such child. Unit: children, 0 to 1,000. Default: ``2``. Cost: none."""

    max_stalled_passes: int = 3
    """Passes in a row that move nothing before a medium is FAILED.
    Unit: passes, 1 to 20. Default: ``3``. Cost: a function's start for each pass, far below a cent."""

    multipart_threshold: int = 100 * MIB
    """Size up to which a piece of known size is one PutObject, 5 MiB to 5 GiB; larger ones are cut into parts.
    Unit: bytes. Default: ``104857600`` (100 MiB). Cost: $0.02 for 1,000 requests into GLACIER_IR, one for each part."""

    bytes_per_function: int = 32 * GIB
    """How much of one medium one function is given before another one helps, at least 5 MiB.
    Unit: bytes. Default: ``34359738368`` (32 GiB). Cost: none of its own."""

    archive_storage_class: str = "GLACIER_IR"
    """Class of media from the first byte on; files below 128 KiB are in ``STANDARD`` whatever is said here. The colder,
    the dearer to read: ``GLACIER`` and ``DEEP_ARCHIVE`` must even be restored first (hours).
    Unit: S3 storage class. Default: ``GLACIER_IR``. Cost: for a TB and month $23.55 ``STANDARD``, $12.80
    ``STANDARD_IA``, $23.55 ``INTELLIGENT_TIERING`` (falling with age), $4.10 ``GLACIER_IR``, $3.69 ``GLACIER``, $1.01
    ``DEEP_ARCHIVE``."""

    deep_archive_after_days: int = 0
    """When media of 128 KiB and more move on to ``DEEP_ARCHIVE``; 0 = never. Not before the class's minimum duration
    (90 for ``GLACIER_IR``): earlier would pay for the rest of it.
    Unit: days, 0 to 36,500. Default: ``0``. Cost: $0.05 for 1,000 objects, once."""

    noncurrent_expiry_days: int = 180
    """How long a replaced or deleted version is kept: at least the longest minimum duration of the classes in use
    (otherwise AWS charges an early-delete fee). The pipeline itself makes no such versions.
    Unit: days, 1 to 36,500. Default: ``180``. Cost: none of its own; a kept version costs its storage."""

    runs_expiry_days: int = 365
    """How long manifests and reports of runs are kept.
    Unit: days, 30 to 3,650. Default: ``365``. Cost: a few cents a year."""

    downloader_memory_mb: int = 512
    """Memory of ``video_downloader``; CPU grows with it (1 vCPU at 1,769 MB). Lambda refuses new AWS accounts more than
    3,008 MB until they ask for it (Service Quotas): the deployment fails, for each memory setting.
    Unit: MB, 256 to 10,240. Default: ``512``. Cost: about $0.09 for a TB at 75 MB/s, and in proportion."""

    uploader_memory_mb: int = 512
    """Memory of ``multipart_uploader``.
    Unit: MB, 256 to 10,240. Default: ``512``. Cost: as ``downloader_memory_mb``, about $0.09 for a TB."""

    lister_memory_mb: int = 1024
    """Memory of ``media_lister``, which merges the whole listing.
    Unit: MB, 256 to 10,240. Default: ``1024``. Cost: a few cents a month."""

    run_control_memory_mb: int = 1024
    """Memory of ``run_control``, which reads a whole run's rows for the report.
    Unit: MB, 256 to 10,240. Default: ``1024``. Cost: under a cent a month."""

    function_timeout_seconds: int = 900
    """When Lambda ends a transferring function. Shorter means more, smaller slices of a large file.
    Unit: seconds, 60 to 900. Default: ``900``. Cost: none of its own."""

    log_retention_days: int = 30
    """How long logs are kept: one of the numbers that CloudWatch allows.
    Unit: days. Default: ``30``. Cost: $0.03 for a GB and month, after 5 GB that are free."""

    log_level: str = "INFO"
    """The least that is logged: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``.
    Unit: level. Default: ``INFO``. Cost: $0.50 for a GB of logs, after 5 GB a month that are free."""

    allowed_hosts: str = "gopro.com"
    """Where pre-signed URLs may point to: these hosts and all below them; anything else is refused.
    Unit: comma list of host names. Default: ``gopro.com``. Cost: none."""

    gopro_api_url: str = ""
    """Another server in GoPro's place, for trials against a simulator: https, at one of ``allowed_hosts``, never in
    stage ``prod`` and never with an adopted secret, for it is sent the cookies; empty = https://api.gopro.com.
    Unit: URL. Default: empty. Cost: none."""

    vpc_subnet_ids: str = ""
    """Private subnets of an existing VPC for the functions; empty = no VPC, which is what most want. They need a way
    out (NAT) to api.gopro.com, GoPro's CDN and AWS; gateway endpoints keep S3's and the tracker's bytes off the NAT.
    Unit: comma list of up to 16 subnet ids. Default: empty. Cost: none of its own; a NAT gateway costs $32.85 a month
    and $0.045 for each GB that GoPro sends, an interface endpoint about $7.30 a month and zone, gateway endpoints
    nothing."""

    vpc_security_group_ids: str = ""
    """Security groups of the functions in ``vpc_subnet_ids``; both or neither. They must let https (443) out.
    Unit: comma list of up to 5 group ids. Default: empty. Cost: none."""

    archive_admin_role: str = ""
    """The one role that may delete object versions of the archive; empty = nobody until it is set.
    Unit: ARN. Default: empty. Cost: none."""

    existing_bucket: str = ""
    """An archive bucket to adopt (after a destroy, or a move), with its key in ``existing_key``. Its own policy,
    lifecycle, versioning and encryption stay as they are.
    Unit: bucket name. Default: empty. Cost: none beyond the storage that it has."""

    existing_key: str = ""
    """A KMS key to adopt, of this region; its policy must let this account's IAM decide, as the CDK's and the console's
    do. Say it from the first deployment on or with the ``existing_bucket`` of that key: the functions may use no other
    key, so what an archive holds under an earlier one would be closed to them.
    Unit: ARN. Default: empty. Cost: none beyond its own $1.00 a month ($3.00 after two rotations; ours has one in seven
    years); saves that of a second one."""

    existing_table: str = ""
    """A tracker table to adopt, of this region; it must have the keys and the index of ours.
    Unit: table name. Default: empty. Cost: none beyond its own storage."""

    existing_secret: str = ""
    """A secret to adopt, of this region: usually the one that an earlier stack left under the name that a new one would
    take. Unit: secret name. Default: empty. Cost: none beyond its own $0.40 a month."""

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
    near = difflib.get_close_matches(key, known, n=1)
    hint = f": did you mean {near[0]!r}?" if near else ""
    return f"unknown setting {key!r}{hint} (settings are listed in cloud_sync/settings.py)"


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
