"""The templates that are judged by strangers' rules (cdk-nag, cfn-lint, checkov) and described in docs/SECURITY.md.

Between them every setting is away from its default. Synthesised in this process, offline, and never deployed:
resources, conditions and names are those of ``app.py``, the third-party layer is left out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud_sync.settings import Settings
from cloud_sync.toolchain import use_bundled_node

if TYPE_CHECKING:
    import aws_cdk as cdk

PROJECT = Path(__file__).resolve().parent.parent

# Where people adopt, they name things of their own: these stand for them, and are shown by the setting's name.
ADOPTED: Mapping[str, str] = {
    "existing_bucket": "an-old-archive",
    "existing_key": "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "existing_table": "OldTracker",
    "existing_secret": "gopro/an-old-secret",
}
VARIANTS: Mapping[str, Mapping[str, object]] = {
    "default": {},
    "chosen": {
        "stage": "chosen",
        "schedule": "rate(6 hours)",
        "schedule_timezone": "Europe/Berlin",
        "schedule_flexible_minutes": 0,
        "schedule_enabled": False,
        "run_on_fresh_cookies": False,
        "alert_email": "someone@example.com",
        "max_concurrent_media": 2,
        "workers": 2,
        "transfer_adapter": "requests",
        "extra_pieces": "gpmf",
        "side_file_days": 3,
        "not_ready_alarm_days": 30,
        "max_functions_per_medium": 1,
        "max_source_connections": 8,
        "tolerated_failures": 1,
        "max_stalled_passes": 2,
        "multipart_threshold": 8 * 1024 * 1024,
        "bytes_per_function": 1024 * 1024 * 1024,
        "archive_storage_class": "STANDARD_IA",
        "deep_archive_after_days": 45,
        "noncurrent_expiry_days": 200,
        "runs_expiry_days": 40,
        "downloader_memory_mb": 1024,
        "uploader_memory_mb": 1024,
        "lister_memory_mb": 512,
        "run_control_memory_mb": 512,
        "function_timeout_seconds": 120,
        "log_retention_days": 7,
        "log_level": "DEBUG",
        "allowed_hosts": "example.com",
        "gopro_api_url": "https://simulator.example.com",
        "archive_admin_role": "arn:aws:iam::123456789012:role/archive-admin",
    },
    "vpc": {
        "vpc_subnet_ids": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
        "vpc_security_group_ids": "sg-0123456789abcdef0",
    },
    "adopted": ADOPTED,
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What cdk-nag found: the rule with its detail, and the construct's path below the stack."""

    rule: str
    path: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A variant's template, where it was written, and cdk-nag's findings about it."""

    file: Path
    template: Mapping[str, Any]
    findings: frozenset[Finding]

    @classmethod
    def read(cls, folder: Path) -> Judged:
        """Read what ``synthesise`` left; raises ``RuntimeError`` if template or cdk-nag's report is missing."""
        files = list(folder.glob("*.template.json"))
        if len(files) != 1:
            raise RuntimeError(f"{folder} has {len(files)} templates, not one: run 'make nag' again")
        [file] = files
        template = json.loads(file.read_text(encoding="utf-8"))
        return cls(file, template, _findings(folder, file.name.removesuffix(".template.json")))


def synthesise_all(folder: Path) -> dict[str, Judged]:
    """Write every variant into ``folder/<variant>``, which is emptied first, and return them by name.

    In a process of its own, because cdk-nag prints every finding, acknowledged here or not. Raises ``RuntimeError``
    when a template cannot be made.
    """
    for name in VARIANTS:
        shutil.rmtree(folder / name, ignore_errors=True)
    command = [sys.executable, "-m", "scripts.judged", str(folder.resolve())]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 - our words
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"the templates could not be synthesised ('make synth' says more): {reason}")
    return {name: Judged.read(folder / name) for name in VARIANTS}


def synthesise(
    folder: Path, context: Mapping[str, object], change: Callable[[cdk.Stack], None] = lambda _: None
) -> None:
    """Write the cloud assembly of these settings into ``folder``, looked at by cdk-nag's AwsSolutions.

    The plugin is added here and not in ``app.py``: an owner's deployment must not fail because a rule of taste
    changed. ``change`` may add to the stack first.
    """
    app, stack = unsynthesised(folder, context)
    import aws_cdk as cdk  # noqa: PLC0415 - starts Node.js, which has been found now
    import cdk_nag  # noqa: PLC0415 - as above

    change(stack)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        # Any finding raises; which of them matter is decided by whoever reads the report.
        if not str(error).startswith("ValidationFailed"):
            raise


def unsynthesised(folder: Path, context: Mapping[str, object]) -> tuple[cdk.App, cdk.Stack]:
    """Return the app that will write into ``folder``, and its stack for these settings.

    Settings in ``cdk.json`` are passed over: judged is the product, not one owner's choice.
    """
    use_bundled_node()
    import aws_cdk as cdk  # noqa: PLC0415 - starts Node.js, which must be found first

    from cloud_sync.stack import CloudSyncStack  # noqa: PLC0415 - as above

    in_file = json.loads((PROJECT / "cdk.json").read_text(encoding="utf-8"))["context"]
    flags = {key: value for key, value in in_file.items() if ":" in key}
    app = cdk.App(
        outdir=str(folder),
        # Only templates are looked at: no third-party layer is built, and no file is copied.
        context={**flags, "aws:cdk:bundling-stacks": [], "aws:cdk:disable-asset-staging": True},
        analytics_reporting=False,
    )
    settings = Settings.from_context(context)
    return app, CloudSyncStack(app, settings.stack_name, settings=settings)


def _findings(folder: Path, stack_name: str) -> frozenset[Finding]:
    report = folder / "validation-report.json"
    plugins = json.loads(report.read_text(encoding="utf-8"))["pluginReports"] if report.is_file() else []
    nag = [plugin for plugin in plugins if plugin["pluginName"] == "AwsSolutions"]
    if not nag:
        raise RuntimeError(f"cdk-nag left no report in {folder}: did it find nothing, or not run at all?")
    return frozenset(
        Finding(violation["ruleName"], construct["constructPath"].removeprefix(f"{stack_name}/"))
        for plugin in nag
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    )


if __name__ == "__main__":
    for name, context in VARIANTS.items():
        synthesise(Path(sys.argv[1]) / name, context)
