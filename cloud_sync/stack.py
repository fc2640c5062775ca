"""The stack: puts the constructs together and decides nothing of its own."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from cloud_sync.adoption import warn_of_adopted
from cloud_sync.archive_construct import ArchiveBucket
from cloud_sync.dashboard_construct import SyncDashboard
from cloud_sync.fresh_cookies_construct import FreshCookies
from cloud_sync.key_construct import ArchiveKey
from cloud_sync.lambda_construct import Functions
from cloud_sync.layers_construct import Layers
from cloud_sync.outputs import write_outputs
from cloud_sync.permissions import Resources
from cloud_sync.runs_construct import RunsBucket
from cloud_sync.schedule_construct import SyncSchedule
from cloud_sync.secret_construct import CredentialsSecret
from cloud_sync.settings import Settings
from cloud_sync.state_machine_construct import SyncStateMachine
from cloud_sync.topic_construct import AlertTopic
from cloud_sync.tracker_construct import Tracker


class CloudSyncStack(cdk.Stack):
    """One stage of the pipeline. Bound to no account or region, so that synthesis asks AWS nothing."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, description="Copies a GoPro cloud library into an encrypted S3 archive")
        # The CDK states dependencies that a GetAtt implies already; the template is no worse for it.
        self.template_options.metadata = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
        key = ArchiveKey(self, "Key", existing_key=settings.existing_key).key
        resources = Resources(
            key=key,
            archive=ArchiveBucket(self, "Archive", settings=settings, key=key).bucket,
            runs=RunsBucket(self, "Runs", expiry_days=settings.runs_expiry_days).bucket,
            tracker=Tracker(self, "Tracker", existing_table=settings.existing_table).table,
            secret=CredentialsSecret(
                self, "Credentials", name=settings.secret_name, existing=bool(settings.existing_secret)
            ),
            topic=AlertTopic(self, "Alerts", email=settings.alert_email).topic,
        )
        layers = Layers(self, "Layers")
        functions = Functions(self, "Functions", settings=settings, resources=resources, layers=layers.versions)
        sync = SyncStateMachine(self, "Sync", settings=settings, functions=functions, runs=resources.runs)
        schedule = SyncSchedule(self, "Schedule", settings=settings, machine=sync.machine)
        fresh = FreshCookies(self, "FreshCookies", settings=settings, machine=sync.machine, secret=resources.secret)
        queues = {"schedule": schedule.dead_letters, "fresh cookies": fresh.dead_letters}
        dashboard = SyncDashboard(
            self,
            "Dashboard",
            settings=settings,
            machine=sync.machine,
            functions=functions.by_label(),
            dead_letters={label: queue for label, queue in queues.items() if queue is not None},
        )
        warn_of_adopted(self, settings)
        write_outputs(
            self,
            resources=resources,
            state_machine_arn=sync.machine.state_machine_arn,
            dashboard_name=dashboard.name,
        )
