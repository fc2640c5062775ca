"""What a setting may be, alone and together with others: pure rules, each a one-line sentence when it is broken."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloud_sync.settings import Settings

_MIB = 1024 * 1024
_GIB = 1024 * _MIB

MINIMUM_DAYS = {
    "STANDARD": 0,
    "STANDARD_IA": 30,
    "INTELLIGENT_TIERING": 0,
    "GLACIER_IR": 90,
    "GLACIER": 90,
    "DEEP_ARCHIVE": 180,
}
"""Days that AWS bills at least for each storage class (https://aws.amazon.com/s3/storage-classes/, 2026)."""

RANGES = {
    "schedule_flexible_minutes": (0, 1440),
    "side_file_days": (0, 365),
    "not_ready_alarm_days": (1, 365),
    "max_concurrent_media": (1, 40),
    "workers": (1, 16),
    "max_functions_per_medium": (1, 40),
    "max_source_connections": (1, 1000),
    "tolerated_failures": (0, 1000),
    "max_stalled_passes": (1, 20),
    "multipart_threshold": (5 * _MIB, 5 * _GIB),
    "bytes_per_function": (5 * _MIB, 50_000 * _GIB),
    "deep_archive_after_days": (0, 36_500),
    "noncurrent_expiry_days": (1, 36_500),
    "runs_expiry_days": (30, 3650),
    "downloader_memory_mb": (256, 10_240),
    "uploader_memory_mb": (256, 10_240),
    "lister_memory_mb": (256, 10_240),
    "run_control_memory_mb": (256, 10_240),
    "function_timeout_seconds": (60, 900),
}
"""What a number may be, both ends included; the docstrings of ``Settings`` say the same."""

_CHOICES = {
    "archive_storage_class": tuple(MINIMUM_DAYS),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "transfer_adapter": ("sockets", "requests"),
}

EXTRA_PIECES = (
    *("raw_photo", "gpmf", "gpx", "edl_mce", "mediainfo", "timelapse_video", "concat"),
    *("high_res_proxy_mp4", "edit_proxy", "mp4_low", "audio_proxy", "large", "medium"),
)
"""GoPro's labels that may be copied besides originals; ``cloud_sync_common.rules.extra_pieces`` knows the same."""

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""What CloudWatch Logs accepts (PutRetentionPolicy)."""

_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"
_EC2_ID = r"[0-9a-f]{8}(?:[0-9a-f]{9})?"
_SUBNET, _GROUP = rf"subnet-{_EC2_ID}", rf"sg-{_EC2_ID}"  # at most 16 and 5: Lambda's API_VpcConfig

_PATTERNS = {
    "stage": (r"[a-z][a-z0-9-]{0,19}", "1 to 20 lower-case letters, digits and hyphens, a letter first"),
    "alert_email": (r"([^@\s]+@[^@\s]+\.[^@\s]+)?", "an e-mail address or empty"),
    # These two are as long as one likes, but all of a function's variables have 4 KB together (Lambda quotas).
    "allowed_hosts": (
        rf"(?=.{{1,1000}}$){_HOST}(,{_HOST})*",
        "a comma list of host names without scheme or spaces, like gopro.com, of at most 1,000 characters",
    ),
    "gopro_api_url": (
        rf"(?=.{{0,500}}$)(https://{_HOST}(/[A-Za-z0-9._~-]+)*/?)?",
        "an https URL of at most 500 characters without user, port or query, like https://simulator.example.com, "
        "or empty",
    ),
    "vpc_subnet_ids": (
        rf"({_SUBNET}(,{_SUBNET}){{0,15}})?",
        "a comma list of up to 16 subnet ids (subnet-...) or empty",
    ),
    "vpc_security_group_ids": (
        rf"({_GROUP}(,{_GROUP}){{0,4}})?",
        "a comma list of up to 5 security group ids (sg-...) or empty",
    ),
    "archive_admin_role": (
        r"(arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+)?",
        "the ARN of an IAM role or empty",
    ),
    "existing_bucket": (r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?", "a bucket's name (not its ARN) or empty"),
    "existing_key": (
        r"(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[\w-]+)?",
        "a KMS key's ARN (not an alias) or empty",
    ),
    "existing_table": (r"([\w.-]{3,255})?", "a DynamoDB table's name (not its ARN) or empty"),
    "existing_secret": (r"([\w/+=.@-]{1,512})?", "a secret's name (not its ARN) or empty"),
}

_CRON_FIELD = r"[0-9A-Za-z*?,/#-]+"
_CRON_NUMBERS = {
    "minutes": (0, 59),
    "hours": (0, 23),
    "the day of the month": (1, 31),
    "the month": (1, 12),
    "the day of the week": (1, 7),
    "the year": (1970, 2199),
}
"""The six fields and their numbers (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html)."""

_RATE = r"rate\([1-9][0-9]* (minute|hour|day)s?\)"


def check(settings: Settings) -> str | None:
    """Return the first problem as a sentence that names the setting, or ``None``."""
    return next((problem for rule in _RULES for problem in rule(settings)), None)


def _ranges(settings: Settings) -> Iterator[str]:
    for name, (low, high) in RANGES.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            yield f"setting {name!r} must be {low} to {high}, not {value}"


def _choices(settings: Settings) -> Iterator[str]:
    for name, allowed in _CHOICES.items():
        value = getattr(settings, name)
        if value not in allowed:
            yield f"setting {name!r} must be one of {', '.join(allowed)}, not {value!r}"
    if settings.log_retention_days not in LOG_RETENTION_DAYS:
        allowed_days = ", ".join(str(days) for days in LOG_RETENTION_DAYS)
        yield f"setting 'log_retention_days' must be one of {allowed_days}, not {settings.log_retention_days}"


def _extra_pieces(settings: Settings) -> Iterator[str]:
    labels = settings.extra_pieces.split(",") if settings.extra_pieces else []
    for label in labels:
        if label not in EXTRA_PIECES:
            yield (
                f"setting 'extra_pieces' must be a comma list without spaces of {', '.join(EXTRA_PIECES)}, or empty; "
                f"not {label!r}"
            )


def _patterns(settings: Settings) -> Iterator[str]:
    for name, (pattern, meaning) in _PATTERNS.items():
        value = getattr(settings, name)
        if not re.fullmatch(pattern, value, re.ASCII):
            yield f"setting {name!r} must be {meaning}, not {value!r}"


def _schedule(settings: Settings) -> Iterator[str]:
    text = settings.schedule
    cron = re.fullmatch(r"cron\((.*)\)", text)
    parts = cron[1].split() if cron else []
    six_fields = len(parts) == 6 and all(re.fullmatch(_CRON_FIELD, part) for part in parts)
    if not six_fields and not re.fullmatch(_RATE, text):
        yield f"setting 'schedule' must be cron(<six fields>) or rate(<number> minutes|hours|days), not {text!r}"
    elif six_fields and (parts.count("?"), "?" in (parts[2], parts[4])) != (1, True):
        yield f"setting 'schedule' needs '?' for the day of the month or of the week, one of them, not {text!r}"
    for (meaning, (low, high)), part in zip(_CRON_NUMBERS.items(), parts, strict=False):
        # What follows a slash is a step, what follows # a week of the month.
        if six_fields and any(not low <= int(number) <= high for number in re.findall(r"(?<![/#0-9])[0-9]+", part)):
            yield f"setting 'schedule' must have {low} to {high} for {meaning}, not {part!r}"


def _zone(settings: Settings) -> Iterator[str]:
    name = settings.schedule_timezone
    if name == "UTC":
        return
    known = zoneinfo.available_timezones()
    # A machine without a time zone database cannot judge; EventBridge Scheduler then will.
    if known and name not in known:
        yield f"setting 'schedule_timezone' must be an IANA time zone like Europe/Berlin, not {name!r}"


def _connections(settings: Settings) -> Iterator[str]:
    product = settings.max_concurrent_media * settings.max_functions_per_medium * settings.workers
    if product > settings.max_source_connections:
        yield (
            f"max_concurrent_media x max_functions_per_medium x workers = {product} connections is above "
            f"'max_source_connections' ({settings.max_source_connections}): lower one of them or raise the ceiling"
        )


def _storage(settings: Settings) -> Iterator[str]:
    storage_class, after = settings.archive_storage_class, settings.deep_archive_after_days
    minimum = MINIMUM_DAYS[storage_class]
    if after and storage_class == "DEEP_ARCHIVE":
        yield "setting 'deep_archive_after_days' must be 0: media are in DEEP_ARCHIVE from the start"
    elif after and after < minimum:
        yield f"setting 'deep_archive_after_days' must be 0 or at least {minimum}: {storage_class} bills those days"
    longest = MINIMUM_DAYS["DEEP_ARCHIVE"] if after else minimum
    if settings.noncurrent_expiry_days < longest:
        yield f"setting 'noncurrent_expiry_days' must be at least {longest}: S3 bills those days in any case"


def _adoption(settings: Settings) -> Iterator[str]:
    if settings.existing_bucket and not settings.existing_key:
        yield "setting 'existing_bucket' needs 'existing_key': the ARN of the KMS key that encrypts that bucket"


def _network(settings: Settings) -> Iterator[str]:
    if bool(settings.vpc_subnet_ids) != bool(settings.vpc_security_group_ids):
        yield "settings 'vpc_subnet_ids' and 'vpc_security_group_ids' go together: give both or neither"


def _another_gopro(settings: Settings) -> Iterator[str]:
    """Nobody's real cookies may go to another server by accident."""
    url = settings.gopro_api_url
    if not url:
        return
    if settings.stage == "prod":
        yield "setting 'gopro_api_url' is refused for stage 'prod': pick another one with -c stage=<name>"
    if settings.existing_secret:
        yield "setting 'gopro_api_url' is refused with 'existing_secret': that server would be sent its cookies"
    host = url.removeprefix("https://").split("/")[0]
    if not any(host == allowed or host.endswith(f".{allowed}") for allowed in settings.allowed_hosts.split(",")):
        yield f"setting 'gopro_api_url' needs its host in 'allowed_hosts': add {host} there"


_RULES: tuple[Callable[[Settings], Iterator[str]], ...] = (
    _ranges,
    _choices,
    _extra_pieces,
    _patterns,
    _schedule,
    _zone,
    _connections,
    _storage,
    _adoption,
    _network,
    _another_gopro,
)
