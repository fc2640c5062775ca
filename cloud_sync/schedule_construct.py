"""The schedule that starts runs."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cloud_sync.settings import Settings
from cloud_sync.starts import INPUT, MAX_AGE_SECONDS, MAX_RETRIES, dead_letter_queue


class SyncSchedule(Construct):
    """An EventBridge Scheduler schedule in the owner's time zone.

    Scheduler delivers at least once; a second start finds the run lock held and ends quietly.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, machine: sfn.IStateMachine) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self)
        minutes = settings.schedule_flexible_minutes
        scheduler.CfnSchedule(
            self,
            "Schedule",
            description="Starts a run of the GoPro sync",
            schedule_expression=settings.schedule,
            schedule_expression_timezone=settings.schedule_timezone,
            state="ENABLED" if settings.schedule_enabled else "DISABLED",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                mode="FLEXIBLE" if minutes else "OFF", maximum_window_in_minutes=minutes or None
            ),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=machine.state_machine_arn,
                role_arn=self._role(machine).role_arn,
                input=INPUT,
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=MAX_AGE_SECONDS, maximum_retry_attempts=MAX_RETRIES
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.dead_letters.queue_arn),
            ),
        )

    def _role(self, machine: sfn.IStateMachine) -> iam.Role:
        stack = cdk.Stack.of(self)
        group = stack.format_arn(service="scheduler", resource="schedule-group", resource_name="default")
        # Scheduler user guide, "Confused deputy prevention": the source is the schedule's group, never the schedule.
        trusted = iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}},
        )
        role = iam.Role(self, "Role", assumed_by=trusted)
        for action, resource in (
            ("states:StartExecution", machine.state_machine_arn),
            ("sqs:SendMessage", self.dead_letters.queue_arn),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[resource]))
        return role
