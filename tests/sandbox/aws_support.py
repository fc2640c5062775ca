"""What the tests of the sandbox's AWS share: a bench of moto, real function processes and the engine."""

from __future__ import annotations

import json
import random
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from sandbox.aws.functions.api import FunctionSpec
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.moto_server import MotoServer
from sandbox.aws.repairs import lambda_invoke, stepfunctions
from sandbox.aws.stepfunctions.engine import Engine
from sandbox.aws.stepfunctions.records import ExecutionRecord

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/test"
SITE_PACKAGES = Path(boto3.__file__).parents[1]
PYTHON = Path(sys.executable)

HANDLER = """
import os, signal, subprocess, sys, time

class CustomError(Exception):
    pass

calls = {}

def handler(event, context):
    action = event.get("action", "echo")
    if action == "raise":
        raise CustomError(event.get("message", "asked to"))
    if action == "fail_first":
        name = os.path.join(event["dir"], "tries")
        with open(name, "a") as file:
            file.write("x")
        if os.path.getsize(name) <= event["times"]:
            raise CustomError("not yet")
        return {"tries": os.path.getsize(name)}
    if action == "exit":
        os._exit(event.get("code", 3))
    if action == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "sleep":
        time.sleep(event["seconds"])
        return {"slept": event["seconds"]}
    if action == "eat":
        kept = [bytearray(4 << 20) for _ in range(event["mb"] // 4)]
        time.sleep(5)
        return {"kept": len(kept)}
    if action == "large":
        return "x" * event["size"]
    if action == "environment":
        return dict(os.environ)
    if action == "context":
        return {"pid": os.getpid(), "left": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn,
                "name": context.function_name, "memory": context.memory_limit_in_mb, "cwd": os.getcwd()}
    if action == "child":
        return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]).pid
    if action == "meet":
        name = os.path.join(event["dir"], str(os.getpid()))
        open(name, "w").close()
        deadline = time.time() + 10
        while len(os.listdir(event["dir"])) < event["together"] and time.time() < deadline:
            time.sleep(0.01)
        return len(os.listdir(event["dir"]))
    print("echo of", sorted(event))
    return event
"""


def write_handler(folder: Path, source: str = HANDLER) -> Path:
    """Write a function's code and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "handler.py").write_text(source, encoding="utf-8")
    return folder


def spec(code_dir: Path, name: str = "worker", *, timeout: int = 20, memory_mb: int = 256, **env: str) -> FunctionSpec:
    """Return a function that runs ``code_dir`` with this environment's packages as its only layer."""
    return FunctionSpec(
        name=name,
        arn=f"arn:aws:lambda:{REGION}:123456789012:function:{name}",
        handler="handler.handler",
        code_dir=code_dir,
        layer_dirs=(SITE_PACKAGES,),
        environment=env,
        timeout=timeout,
        memory_mb=memory_mb,
    )


class Bench:
    """moto with the repairs, a function host with one function (``worker``), an engine; S3 is moto's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stack = ExitStack()
        self.host = FunctionHost(PYTHON, root / "logs", inherited({}), region=REGION)
        self.moto = MotoServer()
        self.s3 = self.client("s3")
        chance = random.Random(7)  # noqa: S311 - a fixed seed for jitter
        self.engine = Engine(region=REGION, invoke=self.host.invoke, s3=self.s3, retry_scale=0.01, rng=chance)
        self.host.register(spec(write_handler(root / "code")))

    def __enter__(self) -> Self:
        self._stack.enter_context(lambda_invoke.installed(self.host))
        self._stack.enter_context(stepfunctions.installed(self.engine))
        self.sfn = self.client("stepfunctions")
        self.s3.create_bucket(Bucket="runs")
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.cancel_all()
        self.host.close()
        self.engine.close()
        for client in (self.sfn, self.s3):
            client.close()
        self.moto.close()
        self._stack.close()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            region_name=REGION,
            endpoint_url=self.moto.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(proxies={}, retries={"max_attempts": 0}),
        )

    def start(self, definition: dict[str, Any], data: Any = None) -> str:
        """Create a machine for the definition, start it, return the execution's ARN."""
        name = f"m-{uuid.uuid4().hex[:8]}"
        machine = self.sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
        started = self.sfn.start_execution(
            stateMachineArn=machine["stateMachineArn"], name=f"run-{name}", input=json.dumps(data if data else {})
        )
        return str(started["executionArn"])

    def wait(self, arn: str, seconds: float = 30) -> dict[str, Any]:
        """Wait for the end and return what DescribeExecution says, the output parsed."""
        assert self.engine.find(arn).done.wait(seconds), "the execution did not end in time"
        shown: dict[str, Any] = self.sfn.describe_execution(executionArn=arn)
        if "output" in shown:
            shown["output"] = json.loads(shown["output"])
        return shown

    def run(self, definition: dict[str, Any], data: Any = None) -> dict[str, Any]:
        """Start and wait."""
        return self.wait(self.start(definition, data))

    def records(self, shown: dict[str, Any]) -> list[ExecutionRecord]:
        return self.engine.records(shown["executionArn"])


def task(payload: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a Task state that invokes ``worker``; ends the machine unless ``Next`` is given."""
    members = {"Payload.$": "$"} if payload is None else {"Payload": payload}
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "worker", **members},
        **fields,
    }
    return state if "Next" in state else {**state, "End": True}


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    """Return a definition that starts at the first state."""
    return {"StartAt": next(iter(states)), "States": states}
