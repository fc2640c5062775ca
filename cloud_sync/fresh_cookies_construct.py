"""The rule that starts a run when fresh cookies are stored: whoever pastes them need not wait for the night."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cloud_sync.secret_construct import CredentialsSecret
from cloud_sync.settings import Settings
from cloud_sync.starts import INPUT, MAX_AGE_SECONDS, MAX_RETRIES, dead_letter_queue


class FreshCookies(Construct):
    """A rule on Secrets Manager's own ``Secret Label Updated`` event; nothing at all if the setting is off.

    The event comes when ``AWSCURRENT`` moves to a new version, needs no CloudTrail, and names the secret, never its
    value (Secrets Manager user guide, "Secret Label Updated event"). Events may come twice, or while a run is on: the
    second run finds the lock held and ends quietly.

    The rule has a name of ours, the stack's with ``-FreshCookies``: its role and its queue can then be for this one
    rule, which would be a circle of references otherwise. A stack's name is unique in its account and region.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        machine: sfn.IStateMachine,
        secret: CredentialsSecret,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters: sqs.Queue | None = None
        if not settings.run_on_fresh_cookies:
            return
        stack = cdk.Stack.of(self)
        name = f"{stack.stack_name}-FreshCookies"
        # EventBridge user guide, "Cross-service confused deputy prevention": the source of a rule's calls is the rule.
        only_this_rule = {
            "StringEquals": {
                "aws:SourceAccount": stack.account,
                "aws:SourceArn": stack.format_arn(service="events", resource="rule", resource_name=name),
            }
        }
        self.dead_letters = dead_letter_queue(self)
        _let_in(self.dead_letters, only_this_rule)
        events.CfnRule(
            self,
            "Rule",
            name=name,
            description="Starts a run of the GoPro sync when fresh cookies are stored",
            event_pattern={
                "source": ["aws.secretsmanager"],
                "detail-type": ["Secret Label Updated"],
                "detail": {"name": [secret.name], "labelUpdated": ["AWSCURRENT"]},
            },
            state="ENABLED",
            targets=[self._target(machine, self._role(machine, only_this_rule), self.dead_letters)],
        )

    def _role(self, machine: sfn.IStateMachine, only_this_rule: dict[str, dict[str, str]]) -> iam.Role:
        trusted = iam.ServicePrincipal("events.amazonaws.com", conditions=only_this_rule)
        role = iam.Role(self, "Role", assumed_by=trusted)
        role.add_to_policy(
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn])
        )
        return role

    def _target(self, machine: sfn.IStateMachine, role: iam.Role, queue: sqs.Queue) -> events.CfnRule.TargetProperty:
        return events.CfnRule.TargetProperty(
            id="StateMachine",
            arn=machine.state_machine_arn,
            role_arn=role.role_arn,
            # The event itself is not passed on: a run refuses input that it does not know.
            input=INPUT,
            retry_policy=events.CfnRule.RetryPolicyProperty(
                maximum_event_age_in_seconds=MAX_AGE_SECONDS, maximum_retry_attempts=MAX_RETRIES
            ),
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=queue.queue_arn),
        )


def _let_in(queue: sqs.Queue, only_this_rule: dict[str, dict[str, str]]) -> None:
    """EventBridge uses no role for a rule's dead letters (user guide, "Using dead-letter queues")."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions=only_this_rule,
        )
    )
