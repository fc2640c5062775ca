"""What a function finds around it: Lambda's variables, the template's, its code and its layers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from tests.sandbox.aws_support import PYTHON, SITE_PACKAGES, spec, write_handler


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FunctionHost]:
    running = FunctionHost(PYTHON, tmp_path / "logs", inherited({}), concurrency=4)
    running.register(spec(write_handler(tmp_path / "code"), memory_mb=64, COLOUR="blue"))
    yield running
    running.close()


def call(host: FunctionHost, **event: Any) -> Any:
    """Invoke ``worker`` and return its answer; a failure is an assertion."""
    result = host.invoke("worker", json.dumps(event).encode())
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


@pytest.mark.verifies("functions.environment")
def test_the_environment_is_lambdas_and_the_templates_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: FunctionHost
) -> None:
    monkeypatch.setenv("DEVELOPER_TOKEN", "secret")
    monkeypatch.setenv("AWS_PROFILE", "private")
    environment = call(host, action="environment")
    assert "DEVELOPER_TOKEN" not in environment
    assert "AWS_PROFILE" not in environment
    assert environment["COLOUR"] == "blue"
    assert environment["AWS_EXECUTION_ENV"] == "CLOUD_SYNC_SANDBOX"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "worker"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "64"
    assert environment["LAMBDA_TASK_ROOT"] == str(tmp_path / "code")
    assert Path(environment["LAMBDA_RUNTIME_DIR"]).is_dir()
    assert environment["AWS_XRAY_CONTEXT_MISSING"] == "LOG_ERROR"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", environment["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert environment["PYTHONPATH"].split(os.pathsep)[-1] == str(SITE_PACKAGES)


@pytest.mark.verifies("functions.environment")
def test_a_template_cannot_change_what_lambda_sets(tmp_path: Path, host: FunctionHost) -> None:
    host.register(spec(tmp_path / "code", AWS_EXECUTION_ENV="AWS_Lambda_python3.14", AWS_REGION="mars-1"))
    environment = call(host, action="environment")
    assert (environment["AWS_EXECUTION_ENV"], environment["AWS_REGION"]) == ("CLOUD_SYNC_SANDBOX", "us-east-1")


def test_only_path_and_proxies_are_inherited_and_loopback_is_never_proxied() -> None:
    passed = inherited(
        {"PATH": "/bin", "HTTPS_PROXY": "http://p", "HOME": "/home/me", "NO_PROXY": "a.b", "AWS_PROFILE": "x"}
    )
    assert passed == {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://p",
        "NO_PROXY": "a.b,127.0.0.1,localhost",
        "no_proxy": "a.b,127.0.0.1,localhost",
    }


@pytest.mark.verifies("functions.layers")
def test_modules_come_from_the_code_then_from_the_layers(tmp_path: Path, host: FunctionHost) -> None:
    layer = tmp_path / "layer" / "python"
    layer.mkdir(parents=True)
    (layer / "shared.py").write_text("WORD = 'from the layer'\n", encoding="utf-8")
    code = write_handler(tmp_path / "with_layer", "import shared\ndef handler(e, c):\n    return shared.WORD\n")
    wanted = spec(code)
    host.register(type(wanted)(**{**vars(wanted), "layer_dirs": (tmp_path / "layer", SITE_PACKAGES)}))
    assert call(host) == "from the layer"
