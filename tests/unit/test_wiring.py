"""The services out of the environment, and what is wrong with an environment."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.observability.tracing import MAX_PART_SUBSEGMENTS
from cloud_sync_common.wiring.byte_path import archive
from cloud_sync_common.wiring.downloader import downloader, transfer_limits
from cloud_sync_common.wiring.entry import LambdaContext, served_by
from cloud_sync_common.wiring.environment import Environment
from cloud_sync_common.wiring.gopro import provider
from cloud_sync_common.wiring.lister import lister
from cloud_sync_common.wiring.process import Wiring, wiring
from cloud_sync_common.wiring.run_control import run_control
from cloud_sync_common.wiring.time_left import deadline_of, seconds_left
from cloud_sync_common.wiring.uploader import uploader
from tests.support.loggers import loggers_kept

ENVIRON = {
    "SECRET_NAME": "gopro/credentials",
    "TABLE_NAME": "Tracker",
    "ARCHIVE_BUCKET": "archive",
    "RUNS_BUCKET": "runs",
    "TOPIC_ARN": "arn:aws:sns:eu-central-1:123456789012:alerts",
    "ENVIRONMENT": "prod",
    "LOG_LEVEL": "INFO",
    "MULTIPART_THRESHOLD": "104857600",
    "STORAGE_CLASS": "GLACIER_IR",
    "WORKERS": "4",
    "TRANSFER_ADAPTER": "sockets",
    "BYTES_PER_FUNCTION": "34359738368",
    "MAX_FUNCTIONS_PER_MEDIUM": "8",
    "MAX_CONCURRENT_MEDIA": "6",
    "TOLERATED_FAILURES": "5",
    "MAX_STALLED_PASSES": "3",
    "SIDE_FILE_DAYS": "14",
    "NOT_READY_ALARM_DAYS": "7",
    "EXTRA_PIECES": "raw_photo,gpx",
    "ALLOWED_HOSTS": "gopro.com, cloudfront.net",
}
SERVICES: dict[str, Callable[[Wiring], object]] = {
    "run_control": run_control,
    "lister": lister,
    "downloader": downloader,
    "uploader": uploader,
}
NEEDED = {
    "run_control": ["MAX_CONCURRENT_MEDIA", "TOLERATED_FAILURES", "SECRET_NAME", "TOPIC_ARN", "ENVIRONMENT"],
    "lister": ["TABLE_NAME", "RUNS_BUCKET"],
    "downloader": [
        "ARCHIVE_BUCKET",
        "MULTIPART_THRESHOLD",
        "STORAGE_CLASS",
        "WORKERS",
        "MAX_STALLED_PASSES",
        "SIDE_FILE_DAYS",
    ],
    "uploader": ["ARCHIVE_BUCKET", "WORKERS", "TRANSFER_ADAPTER"],
}


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials and a region, as Lambda gives them; the root logger is put back afterwards."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")
    wiring.cache_clear()
    with loggers_kept():
        yield
    wiring.cache_clear()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_built_once_and_kept(service: str) -> None:
    wired = Wiring(ENVIRON)
    assert wired.kept(SERVICES[service]) is wired.kept(SERVICES[service])


def test_a_service_has_one_client_and_a_process_one_archive() -> None:
    wired = Wiring(ENVIRON)
    assert wired.client("s3") is wired.client("s3") is wired.kept(archive).client
    assert wired.client("s3") is not wired.client("dynamodb")
    assert wired.kept(uploader).archive is wired.kept(archive) is wired.kept(uploader).mover.archive


@pytest.mark.parametrize(("service", "name"), [(service, name) for service in SERVICES for name in NEEDED[service]])
def test_a_missing_variable_is_named_with_what_to_do(service: str, name: str) -> None:
    wired = Wiring({key: value for key, value in ENVIRON.items() if key != name})
    with pytest.raises(InvalidInput, match=f"{name} is missing: deploy the stack again"):
        wired.kept(SERVICES[service])


@pytest.mark.parametrize("value", ["four", "-1", "1.5"])
def test_a_variable_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(InvalidInput, match="WORKERS must be a whole number"):
        Environment({"WORKERS": value}).number("WORKERS")


def test_limits_are_the_environments() -> None:
    limits = transfer_limits(Wiring(ENVIRON))
    assert (limits.multipart_threshold, limits.bytes_per_function) == (104_857_600, 34_359_738_368)
    assert (limits.max_functions, limits.storage_class) == (8, "GLACIER_IR")


def test_a_body_is_sent_once_and_other_calls_are_tried_again() -> None:
    bucket = Wiring(ENVIRON).kept(archive)
    retries = [getattr(client.meta.config, "retries", None) for client in (bucket.body_client, bucket.client)]
    assert retries == [{"mode": "standard", "total_max_attempts": most} for most in (1, 5)]


@pytest.mark.parametrize(
    ("memory", "processors"), [("1769", 1.0), ("512", 512 / 1769), ("10240", 1.0), ("", 1.0), ("much", 1.0)]
)
def test_a_functions_memory_says_how_much_of_a_processor_it_has(memory: str, processors: float) -> None:
    wired = Wiring({**ENVIRON, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory})
    assert wired.kept(uploader).mover.processors == processors


def test_the_adapter_is_the_settings_and_behind_a_proxy_requests() -> None:
    transports = [
        type(wired.kept(uploader).mover.reader._transport).__name__
        for wired in (
            Wiring(ENVIRON),
            Wiring({**ENVIRON, "TRANSFER_ADAPTER": "requests"}),
            Wiring({**ENVIRON, "HTTPS_PROXY": "http://10.0.0.1:3128"}),
        )
    ]
    assert transports == ["SocketTransport", "RequestsTransport", "RequestsTransport"]
    with pytest.raises(InvalidInput, match="unknown adapter 'curl': it is sockets or requests"):
        Wiring({**ENVIRON, "TRANSFER_ADAPTER": "curl"}).kept(uploader)


def test_only_the_listed_hosts_are_trusted_and_never_this_machine() -> None:
    settings = provider(Wiring(ENVIRON)).settings
    assert settings.allowed_hosts == ("gopro.com", "cloudfront.net")
    assert (settings.api_url, settings.allow_loopback) == ("https://api.gopro.com", False)
    with pytest.raises(InvalidInput, match="GOPRO_API_URL"):
        provider(Wiring({**ENVIRON, "GOPRO_API_URL": "http://127.0.0.1:1"}))


def test_an_invocation_inherits_neither_credentials_nor_a_used_up_share_of_traces() -> None:
    wired = Wiring({**ENVIRON, "AWS_EXECUTION_ENV": "AWS_Lambda_python3.14"})
    wired._credentials = Credentials("a=b", "x")
    wired.tracing._parts_left = 0
    wired.new_invocation()
    assert wired._credentials is None
    assert wired.tracing._parts_left == MAX_PART_SUBSEGMENTS


def test_log_lines_carry_function_and_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    Wiring({**ENVIRON, "AWS_LAMBDA_FUNCTION_NAME": "lister"})
    logging.getLogger("x").info("hello")
    line = json.loads(written.getvalue())
    assert (line["function"], line["environment"], line["message"]) == ("lister", "prod", "hello")


def test_no_secret_leaves_a_function_with_an_exception_and_each_invocation_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", dict(ENVIRON))
    wiring().redaction.keep_secret(("c4n4ry",))

    @served_by(lambda wired: wired.environment)
    def handler(service: Environment, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        assert service is wiring().environment
        assert wiring()._credentials is None
        wiring()._credentials = Credentials("a=b", "x")
        if event:
            raise InvalidInput("the key c4n4ry is wrong")
        return {"done": True}

    assert handler({}, Context()) == {"done": True}
    with pytest.raises(InvalidInput, match=r"the key \[redacted\] is wrong") as error:
        handler({"x": 1}, Context())
    assert error.value.__cause__ is None


@pytest.mark.parametrize(("place", "built"), [({}, 0), ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}, 1)])
def test_only_a_function_that_initialises_builds_before_its_first_invocation(
    monkeypatch: pytest.MonkeyPatch, place: dict[str, str], built: int
) -> None:
    monkeypatch.setattr(os, "environ", {**ENVIRON, **place})
    made: list[Wiring] = []
    handler = served_by(made.append)(lambda _service, _event, _context: {})
    assert len(made) == built
    for _ in range(2):
        handler({}, Context())
    assert made == [wiring()]


def test_a_missing_setting_is_told_by_each_invocation_and_not_by_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {**ENVIRON, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "WORKERS": ""}
    monkeypatch.setattr(os, "environ", environ)
    handler = served_by(uploader)(lambda _service, _event, _context: {})
    for _ in range(2):
        with pytest.raises(InvalidInput, match="WORKERS is missing: deploy the stack again"):
            handler({}, Context())


class Context:
    """Lambda's context with 100.9 s left."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return 100_900


def test_an_invocations_time_is_its_contexts() -> None:
    assert seconds_left(Context()) == 100
    assert 80 < deadline_of(Context()).remaining() < 100.9 - 15
