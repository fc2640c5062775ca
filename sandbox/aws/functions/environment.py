"""The environment variables of a function's process: Lambda's, the account's, the template's; not the developer's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sandbox.aws.functions.api import FunctionSpec

EXECUTION_ENVIRONMENT = "CLOUD_SYNC_SANDBOX"
"""Value of AWS_EXECUTION_ENV: Lambda sets this itself and refuses it in a template, so no template can carry it."""

_LOOPBACK = ("127.0.0.1", "localhost")
_PASSED_THROUGH = ("PATH", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")

RESERVED = frozenset({
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
})  # fmt: skip
"""Names that Lambda refuses in a template (developer guide, environment variables, reserved)."""

_RUNTIME_DIR = str(Path(__file__).parent)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a function may have of the sandbox's environment: PATH and how to reach the internet."""
    passed = {name: environ[name] for name in _PASSED_THROUGH if name in environ}
    direct = [host for host in environ.get("NO_PROXY", environ.get("no_proxy", "")).split(",") if host]
    no_proxy = ",".join([*direct, *(host for host in _LOOPBACK if host not in direct)])
    return {**passed, "NO_PROXY": no_proxy, "no_proxy": no_proxy}


def function_environment(
    spec: FunctionSpec,
    base: Mapping[str, str],
    *,
    region: str,
    runtime_api: str,
    log_stream: str,
) -> dict[str, str]:
    """Return the whole environment of one process of ``spec``; ``runtime_api`` is host:port.

    The names are those of the developer guide ("Defined runtime environment variables"). AWS_XRAY_DAEMON_ADDRESS comes
    with ``base`` where traces are collected; _X_AMZN_TRACE_ID is set by the runtime client at each invocation; what
    belongs to other runtimes (NODE_PATH, GEM_PATH ...) is left out.
    """
    paths = [spec.code_dir, *(_python_dir(layer) for layer in spec.layer_dirs)]
    return {
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **base,
        **spec.environment,
        "_HANDLER": spec.handler,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EXECUTION_ENV": EXECUTION_ENVIRONMENT,
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_TASK_ROOT": str(spec.code_dir),
        "LAMBDA_RUNTIME_DIR": _RUNTIME_DIR,
        "PYTHONPATH": os.pathsep.join(str(path) for path in paths),
    }


def _python_dir(layer: os.PathLike[str]) -> str:
    """Return where a layer keeps its modules: ``python/`` as Lambda wants it, or the folder itself."""
    inner = os.path.join(layer, "python")  # noqa: PTH118 - PathLike in, string out
    return inner if os.path.isdir(inner) else os.fspath(layer)  # noqa: PTH112 - as above
