"""The state machine: the file that people read, with names and ARNs put in, and exactly the rights it needs."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cloud_sync.lambda_construct import Functions
from cloud_sync.log_groups import log_group
from cloud_sync.runs_construct import RUNS_PREFIX
from cloud_sync.settings import Settings

DEFINITION = Path(__file__).with_name("state_machine.asl.json")


class SyncStateMachine(Construct):
    """The Standard state machine of ``state_machine.asl.json``.

    A definition given as text gets no permissions from the CDK, so they are written here. Those that name the machine
    itself are a policy of their own: the machine waits for its role's policy, which would close a circle. The CDK adds
    the statements for log delivery and tracing, on ``*``: AWS knows no resource for them (Step Functions guide,
    "Logging in CloudWatch Logs"; service authorization reference, X-Ray).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        functions: Functions,
        runs: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self._role = iam.Role(self, "Role", assumed_by=_step_functions_here(cdk.Stack.of(self)))
        self._grant_work(functions, runs)
        self.machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text(encoding="utf-8")),
            definition_substitutions=substitutions(functions, runs),
            state_machine_type=sfn.StateMachineType.STANDARD,
            role=self._role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                # Groups under this prefix share one resource policy; others fill up CloudWatch's limit of its size.
                destination=log_group(
                    self,
                    "Logs",
                    retention_days=settings.log_retention_days,
                    name=f"/aws/vendedlogs/states/{cdk.Stack.of(self).stack_name}",
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        self._grant_itself()
        self._let_run_control_look(functions.run_control_role)

    def _grant_work(self, functions: Functions, runs: s3.IBucket) -> None:
        workers = (
            functions.run_control,
            functions.media_lister,
            functions.video_downloader,
            functions.multipart_uploader,
        )
        self._allow(["lambda:InvokeFunction"], [function.function_arn for function in workers])
        # ItemReader.
        self._allow(["s3:GetObject"], [runs.arn_for_objects(f"{RUNS_PREFIX}*/manifest.json")])
        # ResultWriter, in parts where a result is large (Step Functions guide, "IAM policies for using Distributed
        # Map states"). Requests, listings and reports of a run are out of its reach.
        self._allow(
            ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            [runs.arn_for_objects(f"{RUNS_PREFIX}*/results/*")],
        )

    def _allow(self, actions: list[str], resources: list[str]) -> None:
        self._role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))

    def _grant_itself(self) -> None:
        """Let the Distributed Map start, watch, stop and redrive its child executions (Step Functions guide, Map)."""
        children = [self._executions(f"/{label}") for label in distributed_map_labels()]
        statements = [
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[self.machine.state_machine_arn]),
            iam.PolicyStatement(
                actions=["states:DescribeExecution", "states:StopExecution"],
                resources=[self._executions(), *children],
            ),
            iam.PolicyStatement(actions=["states:RedriveExecution"], resources=children),
        ]
        iam.Policy(self, "MapPolicy", roles=[self._role], statements=statements)

    def _let_run_control_look(self, role: iam.IRole) -> None:
        """Let run_control ask whether the execution that owns the lock still runs."""
        look = iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[self._executions()])
        iam.Policy(self, "RunControlPolicy", roles=[role], statements=[look])

    def _executions(self, map_label: str = "") -> str:
        return cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.machine.state_machine_name}{map_label}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )


def _step_functions_here(stack: cdk.Stack) -> iam.IPrincipal:
    """Step Functions, for machines of this account and region; the guide's "Prevent cross-service confused deputy".

    The machine itself cannot be named: it needs its role first.
    """
    machines = stack.format_arn(
        service="states", resource="stateMachine", resource_name="*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
    )
    return iam.ServicePrincipal(
        "states.amazonaws.com",
        conditions={"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": machines}},
    )


def substitutions(functions: Functions, runs: s3.IBucket) -> dict[str, str]:
    """Return what stands for each ``${name}`` of the definition."""
    return {
        "RunControlFunctionArn": functions.run_control.function_arn,
        "MediaListerFunctionArn": functions.media_lister.function_arn,
        "VideoDownloaderFunctionArn": functions.video_downloader.function_arn,
        "MultipartUploaderFunctionArn": functions.multipart_uploader.function_arn,
        "RunsBucketName": runs.bucket_name,
    }


def distributed_map_labels() -> list[str]:
    """Return the labels of the definition's Distributed Maps; they are part of their children's ARNs."""
    states = json.loads(DEFINITION.read_text(encoding="utf-8"))["States"].values()
    return [state["Label"] for state in states if state["Type"] == "Map" and "ItemReader" in state]
