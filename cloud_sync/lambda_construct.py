"""The four functions, each with a role and a log group of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cloud_sync import permissions
from cloud_sync.bundling import PROJECT, BundlingError
from cloud_sync.layers_construct import ARCHITECTURE, RUNTIME
from cloud_sync.log_groups import log_group
from cloud_sync.permissions import Resources
from cloud_sync.settings import Settings
from cloud_sync.vpc import vpc_access, vpc_config

MAX_TIMEOUT_SECONDS = 900
"""Lambda's own limit, and that of the longest tasks in the state machine."""


class Functions(Construct):
    """``run_control``, ``media_lister``, ``video_downloader`` and ``multipart_uploader``.

    No function gets reserved concurrency: new accounts have ten concurrent functions in all, and a reservation would
    make the deployment fail. How many run at once is the state machine's business.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        resources: Resources,
        layers: Sequence[lambda_.ILayerVersion],
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = _environment(settings, resources)
        self._layers = list(layers)
        self._settings = settings
        self.run_control_role, self.run_control = self._function(
            "RunControl",
            "Begins and ends a run: input, lock, report",
            statements=permissions.run_control(resources),
            memory_mb=settings.run_control_memory_mb,
            timeout_seconds=MAX_TIMEOUT_SECONDS,
        )
        _, self.media_lister = self._function(
            "MediaLister",
            "Lists the GoPro library and writes the manifest of what is to be copied",
            statements=permissions.media_lister(resources),
            memory_mb=settings.lister_memory_mb,
            timeout_seconds=MAX_TIMEOUT_SECONDS,
        )
        _, self.video_downloader = self._function(
            "VideoDownloader",
            "Decides what is missing of one medium, and moves what fits into one invocation",
            statements=permissions.video_downloader(resources),
            memory_mb=settings.downloader_memory_mb,
            timeout_seconds=settings.function_timeout_seconds,
        )
        _, self.multipart_uploader = self._function(
            "MultipartUploader",
            "Uploads one range of the parts of a large medium",
            statements=permissions.multipart_uploader(resources),
            memory_mb=settings.uploader_memory_mb,
            timeout_seconds=settings.function_timeout_seconds,
        )

    def by_label(self) -> dict[str, lambda_.IFunction]:
        """Return the functions by the names that people know them by."""
        return {
            "run_control": self.run_control,
            "media_lister": self.media_lister,
            "video_downloader": self.video_downloader,
            "multipart_uploader": self.multipart_uploader,
        }

    def _function(
        self,
        name: str,
        description: str,
        *,
        statements: Sequence[iam.PolicyStatement],
        memory_mb: int,
        timeout_seconds: int,
    ) -> tuple[iam.Role, lambda_.Function]:
        group = log_group(self, f"{name}Logs", retention_days=self._settings.log_retention_days)
        role = iam.Role(self, f"{name}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        for statement in (permissions.own_logs(group.log_group_arn), *vpc_access(self._settings), *statements):
            role.add_to_policy(statement)
        function = lambda_.Function(
            self,
            name,
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler="handler.handler",
            code=_code(name),
            layers=self._layers,
            role=role,
            environment=self._environment,
            memory_size=memory_mb,
            timeout=cdk.Duration.seconds(timeout_seconds),
            tracing=lambda_.Tracing.ACTIVE,
            log_group=group,
        )
        # The CDK's own ``vpc`` wants a VPC that it has looked up; the ids are all that CloudFormation needs.
        cast("lambda_.CfnFunction", function.node.default_child).vpc_config = vpc_config(self._settings)
        return role, function


def _code(name: str) -> lambda_.Code:
    """Return the folder of a function: ``VideoDownloader`` is in ``lambda_functions/video_downloader``."""
    folder = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    path = PROJECT / "lambda_functions" / folder
    if not (path / "handler.py").is_file():
        raise BundlingError(f"lambda_functions/{folder}/handler.py is missing: is the checkout complete?")
    return lambda_.Code.from_asset(str(path), exclude=["__pycache__", "*.pyc"])


def _environment(settings: Settings, resources: Resources) -> Mapping[str, str]:
    """Return the variables of all functions: names and numbers, no secret (see docs on Lambda: readable by many)."""
    return {
        "SECRET_NAME": resources.secret.name,
        "TABLE_NAME": resources.tracker.table_name,
        "ARCHIVE_BUCKET": resources.archive.bucket_name,
        "RUNS_BUCKET": resources.runs.bucket_name,
        "TOPIC_ARN": resources.topic.topic_arn,
        "ENVIRONMENT": settings.stage,
        "LOG_LEVEL": settings.log_level,
        "MULTIPART_THRESHOLD": str(settings.multipart_threshold),
        "STORAGE_CLASS": settings.archive_storage_class,
        "WORKERS": str(settings.workers),
        "TRANSFER_ADAPTER": settings.transfer_adapter,
        "BYTES_PER_FUNCTION": str(settings.bytes_per_function),
        "MAX_FUNCTIONS_PER_MEDIUM": str(settings.max_functions_per_medium),
        "MAX_CONCURRENT_MEDIA": str(settings.max_concurrent_media),
        "TOLERATED_FAILURES": str(settings.tolerated_failures),
        "MAX_STALLED_PASSES": str(settings.max_stalled_passes),
        "SIDE_FILE_DAYS": str(settings.side_file_days),
        "NOT_READY_ALARM_DAYS": str(settings.not_ready_alarm_days),
        "ALLOWED_HOSTS": settings.allowed_hosts,
        **({"EXTRA_PIECES": settings.extra_pieces} if settings.extra_pieces else {}),
        **({"GOPRO_API_URL": settings.gopro_api_url} if settings.gopro_api_url else {}),
    }
