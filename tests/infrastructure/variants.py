"""The settings that tests look at the template of: two of each setting, stages, adoptions, networks."""

from __future__ import annotations

import json
from hashlib import sha256

Context = dict[str, str]

# Settings whose effects the tests of constructs look at, none at its default.
CHOSEN: Context = {
    "stage": "test",
    "schedule": "rate(6 hours)",
    "schedule_timezone": "Europe/Berlin",
    "schedule_flexible_minutes": "0",
    "schedule_enabled": "false",
    "alert_email": "someone@example.com",
    "archive_storage_class": "STANDARD_IA",
    "deep_archive_after_days": "45",
    "noncurrent_expiry_days": "200",
    "runs_expiry_days": "40",
    "downloader_memory_mb": "1024",
    "function_timeout_seconds": "120",
    "log_retention_days": "7",
    "archive_admin_role": "arn:aws:iam::123456789012:role/archive-admin",
}

KEY: Context = {"existing_key": "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"}
BUCKET: Context = {**KEY, "existing_bucket": "an-old-archive"}
TABLE: Context = {"existing_table": "OldTracker"}
SECRET: Context = {"existing_secret": "gopro/old-credentials"}
ADOPTED: Context = {**BUCKET, **TABLE, **SECRET}

NETWORK: Context = {
    "vpc_subnet_ids": "subnet-0123456789abcdef0,subnet-89abcdef",
    "vpc_security_group_ids": "sg-0123456789abcdef0",
}
DEV: Context = {"stage": "dev"}

# For each setting two contexts that differ in nothing else; their templates must differ.
EXAMPLES: dict[str, tuple[Context, Context]] = {
    "stage": ({}, DEV),
    "schedule": ({}, {"schedule": "rate(6 hours)"}),
    "schedule_timezone": ({}, {"schedule_timezone": "Europe/Berlin"}),
    "schedule_flexible_minutes": ({}, {"schedule_flexible_minutes": "0"}),
    "schedule_enabled": ({}, {"schedule_enabled": "false"}),
    "run_on_fresh_cookies": ({}, {"run_on_fresh_cookies": "false"}),
    "alert_email": ({}, {"alert_email": "someone@example.com"}),
    "extra_pieces": ({}, {"extra_pieces": ""}),
    "side_file_days": ({}, {"side_file_days": "0"}),
    "not_ready_alarm_days": ({}, {"not_ready_alarm_days": "30"}),
    "max_concurrent_media": ({}, {"max_concurrent_media": "2"}),
    "workers": ({}, {"workers": "2"}),
    "transfer_adapter": ({}, {"transfer_adapter": "requests"}),
    "max_functions_per_medium": ({}, {"max_functions_per_medium": "1"}),
    "tolerated_failures": ({}, {"tolerated_failures": "5"}),
    "max_stalled_passes": ({}, {"max_stalled_passes": "5"}),
    "multipart_threshold": ({}, {"multipart_threshold": "5242880"}),
    "bytes_per_function": ({}, {"bytes_per_function": "5242880"}),
    "archive_storage_class": ({}, {"archive_storage_class": "STANDARD"}),
    "deep_archive_after_days": ({}, {"deep_archive_after_days": "90"}),
    "noncurrent_expiry_days": ({}, {"noncurrent_expiry_days": "200"}),
    "runs_expiry_days": ({}, {"runs_expiry_days": "40"}),
    "downloader_memory_mb": ({}, {"downloader_memory_mb": "1024"}),
    "uploader_memory_mb": ({}, {"uploader_memory_mb": "1024"}),
    "lister_memory_mb": ({}, {"lister_memory_mb": "512"}),
    "run_control_memory_mb": ({}, {"run_control_memory_mb": "512"}),
    "function_timeout_seconds": ({}, {"function_timeout_seconds": "120"}),
    "log_retention_days": ({}, {"log_retention_days": "7"}),
    "log_level": ({}, {"log_level": "DEBUG"}),
    "allowed_hosts": ({}, {"allowed_hosts": "gopro.com,example.net"}),
    "gopro_api_url": (DEV, {**DEV, "gopro_api_url": "https://trial.gopro.com"}),
    "vpc_subnet_ids": (NETWORK, {**NETWORK, "vpc_subnet_ids": "subnet-89abcdef"}),
    "vpc_security_group_ids": (NETWORK, {**NETWORK, "vpc_security_group_ids": "sg-89abcdef"}),
    "archive_admin_role": ({}, {"archive_admin_role": CHOSEN["archive_admin_role"]}),
    "existing_bucket": (KEY, BUCKET),
    "existing_key": ({}, KEY),
    "existing_table": ({}, TABLE),
    "existing_secret": ({}, SECRET),
}

# Settings that refuse others and have no effect beyond that, with a context that each refuses.
GUARDS: dict[str, Context] = {"max_source_connections": {"max_source_connections": "23"}}


def folder_of(context: Context) -> str:
    """The folder's name of a context's template."""
    return sha256(json.dumps(context, sort_keys=True).encode()).hexdigest()[:12]


def all_variants() -> dict[str, Context]:
    """Every context that is synthesised for the tests, by its folder."""
    contexts = [CHOSEN, ADOPTED, *(context for pair in EXAMPLES.values() for context in pair)]
    return {folder_of(context): context for context in contexts}
