"""Known secrets are planted, the real handlers led through success and failure at DEBUG, all that they leave searched.

Searched are log lines (urllib3's and botocore's own included), errors, results, rows, documents, mails and traces.
"""

from __future__ import annotations

import importlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from cloud_sync_common.observability.logs import QUIET
from cloud_sync_common.rules.urls import MASK
from cloud_sync_common.wiring.process import Wiring, wiring
from sandbox.gopro.messages import Request, Response, json_response
from sandbox.s3.model import BucketConfig
from tests.support.loggers import loggers_kept
from tests.support.pipeline import BUCKET, PART, TABLE, World, make_file, make_medium, source, world

SECRET, RUNS, REGION = "gopro/credentials", "runs", "us-east-1"
SMALL, LARGE = "a" * 24, "b" * 24
SESSION = secrets.token_hex(16)
"""A cookie whose name says nothing and whose value looks like nothing."""
FOREIGN = f"fbsig{secrets.token_hex(12)}"
"""The signature in URLs that the tests make themselves."""
AWS_SESSION = f"IQoJb3{secrets.token_hex(16)}"
"""The function's own session token, which botocore sends as a header."""
ENVIRON = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "function",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": AWS_SESSION,
    "AWS_EXECUTION_ENV": "CLOUD_SYNC_SANDBOX",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=1111111111111111;Sampled=1",
    "SECRET_NAME": SECRET,
    "TABLE_NAME": TABLE,
    "ARCHIVE_BUCKET": BUCKET,
    "RUNS_BUCKET": RUNS,
    "ENVIRONMENT": "prod",
    "LOG_LEVEL": "DEBUG",
    "MULTIPART_THRESHOLD": "1000000",
    "STORAGE_CLASS": "STANDARD",
    "WORKERS": "1",
    "TRANSFER_ADAPTER": "sockets",
    "BYTES_PER_FUNCTION": str(PART),
    "MAX_FUNCTIONS_PER_MEDIUM": "2",
    "MAX_CONCURRENT_MEDIA": "1",
    "TOLERATED_FAILURES": "5",
    "MAX_STALLED_PASSES": "3",
    "ALLOWED_HOSTS": "gopro.com",
    "EXTRA_PIECES": "gpmf",
    "SIDE_FILE_DAYS": "14",
    "NOT_READY_ALARM_DAYS": "7",
}


class Context:
    """Lambda's context with a minute left."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return 60_000


class Traces:
    """In the place of the X-Ray SDK's UDP socket."""

    def __init__(self) -> None:
        self.documents: list[str] = []

    def send_entity(self, entity: Any) -> None:
        """Keep what would leave."""
        self.documents.append(entity.serialize())

    def set_daemon_address(self, address: str) -> None:
        """There is no daemon."""


@dataclass
class Functions:
    """The four functions in one process, and whatever they have given back or raised."""

    account: World
    traces: Traces
    given: list[str] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)

    def invoke(self, name: str, **event: Any) -> dict[str, Any]:
        """Call a handler as Lambda does; of an exception Lambda shows the class and the words."""
        handler = importlib.import_module(f"lambda_functions.{name}.handler").handler
        try:
            result: dict[str, Any] = handler({"schema": 1, **event}, Context())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
            self.raised.append(f"{type(error).__name__}: {error!s} {error!r}")
            return {}
        self.given.append(json.dumps(result))
        return result

    def whole_run(self, name: str) -> None:
        """What the state machine does, in little."""
        arn = f"arn:aws:states:us-east-1:123456789012:execution:sync:{name}"
        execution = {"arn": arn, "name": name, "started_at": "2026-01-31T12:00:00Z"}
        run_id = f"20260131T120000Z-{name}"
        self.invoke("run_control", action="begin", execution=execution, input={})
        self.invoke("media_lister", run_id=run_id, cursor={})
        for media_id in (SMALL, LARGE):
            about = {"run_id": run_id, "media_id": media_id}
            event = {**about, "filename": "GX010001.MP4", "file_size": None, "upload_date": None}
            for ask in self.invoke("video_downloader", **event).get("ranges", []):
                self.invoke("multipart_uploader", **{name: value for name, value in ask.items() if name != "schema"})
            self.invoke("video_downloader", **event)
        for said in self.raised[:1]:
            cause = json.dumps({"errorMessage": said, "errorType": "Exception"})
            failure = {"Error": said.partition(":")[0], "Cause": cause}
            self.invoke("run_control", action="record_failure", run_id=run_id, media_id=SMALL, error=failure)
        self.invoke("run_control", action="end", execution=execution, error={})

    def errors(self) -> set[str]:
        """The classes raised, but for the refusals to go on that follow from them."""
        return {said.partition(":")[0] for said in self.raised} - {"RunStopped"}

    def left_behind(self, written: str) -> dict[str, str]:
        """Everything that anybody could read later, by where it is."""
        rows = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
        mails = [message for topic in _topics() for message in topic.sent_notifications]
        documents = [item.path.read_text() for item in self.account.s3.objects(RUNS)]
        metadata = [str(item) for item in self.account.s3.objects(BUCKET)]
        return {
            "the log": written,
            "results": "\n".join(self.given),
            "errors": "\n".join(self.raised),
            "the tracker": json.dumps(rows),
            "the runs bucket": "\n".join(documents),
            "objects' metadata": "\n".join(metadata),
            "mails": str(mails),
            "traces": "\n".join(self.traces.documents),
        }


def _topics() -> list[Any]:
    from moto.sns.models import sns_backends  # noqa: PLC0415 - it loads half of moto

    return list(sns_backends["123456789012"][REGION].topics.values())


@pytest.fixture(scope="module")
def recorder() -> Iterator[Any]:
    """The X-Ray SDK's recorder; the socket that the SDK opens when it is imported is closed."""
    from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - only the worker that runs these tests needs it

    yield xray_recorder
    xray_recorder.emitter._socket.close()


@pytest.fixture
def traces(recorder: Any) -> Iterator[Traces]:
    """What would go to X-Ray."""
    from aws_xray_sdk.core.lambda_launcher import LambdaContext  # noqa: PLC0415 - as above

    before = recorder.emitter, recorder.context, recorder.streaming_threshold
    kept = Traces()
    recorder.configure(emitter=kept, context=LambdaContext(), streaming_threshold=0)
    yield kept
    recorder.configure(emitter=before[0], context=before[1], streaming_threshold=before[2])


@pytest.fixture
def _loggers() -> Iterator[None]:
    """The loggers are as before afterwards."""
    with loggers_kept():
        yield


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, traces: Traces, _loggers: None) -> Iterator[Functions]:
    """The functions, deployed around two media, with a session cookie beside GoPro's own."""
    small = make_medium(SMALL, source(make_file(tmp_path / "1" / "GX010001.MP4", 1_000)))
    large = make_medium(LARGE, source(make_file(tmp_path / "2" / "GX010002.MP4", PART + 1_000)))
    with world(tmp_path, small, large) as account:
        account.s3.create_bucket(BucketConfig(RUNS))
        for name, value in ENVIRON.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GOPRO_API_URL", account.gopro.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", account.s3.url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(account.s3.ca_bundle))
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        monkeypatch.setenv("TOPIC_ARN", boto3.client("sns").create_topic(Name="alerts")["TopicArn"])
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        cookies = f"{account.gopro.credentials['cookies']}; _session_id={SESSION}"
        store(json.dumps({"cookies": cookies, "user-agent": "Mozilla/5.0"}))
        wiring.cache_clear()
        yield Functions(account, traces)
        wiring.cache_clear()


def store(text: str) -> None:
    client = boto3.client("secretsmanager")
    try:
        client.create_secret(Name=SECRET, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=SECRET, SecretString=text)


def loud() -> Wiring:
    """The wiring, with the libraries as talkative as they can be."""
    made = wiring()
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG)
    return made


# What may go wrong: each says back as much of what it was sent as it can.

Behaviour = Callable[[Request], Response | None]


def echo(request: Request) -> str:
    return f"you sent {request.headers['Cookie'] or ''} {request.headers['Authorization'] or ''} {request.query}"


def api_says(status: int, **headers: str) -> Behaviour:
    """The API answers this to everything."""

    def answer(request: Request) -> Response | None:
        if not request.path.startswith("/media/"):
            return None
        said = {name: value.format(quote(echo(request))) for name, value in headers.items()}
        return Response(status, {"Content-Type": "application/json", **said}, json.dumps(echo(request)).encode())

    return answer


def reshaped(request: Request) -> Response | None:
    """The API answers with a JSON of another shape, secrets in keys and values."""
    if not request.path.startswith("/media/"):
        return None
    return json_response(200, {"results": [{echo(request): echo(request), "token": SESSION}], SESSION: SESSION})


def login_page(request: Request) -> Response | None:
    """A web page with status 200."""
    page = f"<html><title>Sign In</title>{echo(request)}</html>".encode()
    return Response(200, {"Content-Type": "text/html"}, page) if request.path.startswith("/media/") else None


def cdn_says(status: int) -> Behaviour:
    """The CDN refuses every URL and repeats it."""
    return lambda request: (
        None if request.path.startswith("/media/") else Response(status, {}, f"{request.path}{request.query}".encode())
    )


def cut_off(request: Request) -> Response | None:
    """The CDN closes the connection in the middle."""
    if request.path.startswith("/media/"):
        return None
    answer = request.proceed()
    answer.cut_after = 10
    return answer


def urls_at(address: str) -> Behaviour:
    """The API hands out URLs that lead elsewhere."""

    def answer(request: Request) -> Response | None:
        if not request.path.endswith("/download"):
            return None
        url = f"{address}/1/source/default/1.MP4?Expires=1&Signature={FOREIGN}&Key-Pair-Id={FOREIGN}"
        entry = {"label": "source", "type": "mp4", "url": url, "head": url, "item_number": 1}
        return json_response(200, {"filename": "GX010001.MP4", "_embedded": {"variations": [entry], "files": []}})

    return answer


TROUBLES: dict[str, tuple[Behaviour | None, str | None]] = {
    "401": (api_says(401), "CredentialsExpired"),
    "403": (api_says(403), "CredentialsExpired"),
    "400": (api_says(400), "SchemaChanged"),
    "500": (api_says(500), "SourceUnavailable"),
    "429": (api_says(429, **{"Retry-After": "1"}), "SourceThrottled"),
    "no JSON": (api_says(200), "SchemaChanged"),
    "redirect": (api_says(302, Location="https://evil.example/?{0}"), "SchemaChanged"),
    "login page": (login_page, "CredentialsExpired"),
    "another shape": (reshaped, "SchemaChanged"),
    "URLs expire at once": (cdn_says(403), "UrlExpired"),
    "files are gone": (cdn_says(404), "SourceGone"),
    "CDN out of order": (cdn_says(503), "SourceUnavailable"),
    "files cut off": (cut_off, "SourceUnavailable"),
    "URLs of a foreign host": (urls_at("https://evil.example"), None),
    "URLs of a closed port": (urls_at("http://127.0.0.1:1"), "SourceUnavailable"),
    "URLs that cannot be read": (urls_at(f"https://{FOREIGN}@[gopro.com"), None),
    "nothing": (None, None),
}
"""What goes wrong, and the error that it must end in: so that none of them is passed by unseen."""

BAD_SECRETS = {
    "no JSON": "gp_access_token={0}",
    "no object": '["{0}"]',
    "wrong key": '{{"cookie": "{0}", "user-agent": "x"}}',
    "an ellipsis": '{{"cookies": "gp_access_token={0}\u2026", "user-agent": "x"}}',
    "no cookie": '{{"cookies": "{0}", "user-agent": "x"}}',
}


def needles(account: World) -> tuple[str, ...]:
    """Every planted secret, and the beginning of each."""
    token = account.gopro.access_token
    return (*account.gopro.canaries, token, token[:60], SESSION, FOREIGN, AWS_SESSION)


def leaks(functions: Functions, written: str) -> list[tuple[str, str]]:
    """Where something is, and the text before it."""
    return [
        (place, text[max(0, text.find(needle) - 200) : text.find(needle)])
        for place, text in functions.left_behind(written).items()
        for needle in needles(functions.account)
        if needle in text
    ]


def test_no_secret_is_left_behind_whatever_goes_wrong(functions: Functions, capsys: pytest.CaptureFixture[str]) -> None:
    loud()
    found = {}
    for number, (trouble, (behaviour, error)) in enumerate(TROUBLES.items()):
        functions.account.gopro_behaviour = behaviour
        functions.raised.clear()
        functions.whole_run(f"n{number}")
        logging.getLogger("somebody").debug("a cookie alone: %s", SESSION)
        captured = capsys.readouterr()
        assert_that_it_was_loud(captured.out)
        assert functions.errors() == ({error} if error else set()), trouble
        if seen := leaks(functions, captured.out + captured.err):
            found[trouble] = seen
    assert found == {}
    assert len(list(functions.account.s3.objects(BUCKET))) >= 2


@pytest.mark.parametrize("secret", BAD_SECRETS)
def test_a_secret_that_cannot_be_used_is_shown_to_nobody(
    functions: Functions, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    loud()
    store(BAD_SECRETS[secret].format(SESSION))
    functions.whole_run("n1")
    captured = capsys.readouterr()
    assert functions.errors() == {"CredentialsMalformed"}
    assert leaks(functions, captured.out + captured.err) == []


def assert_that_it_was_loud(written: str) -> None:
    """Nothing was found because it was masked, not because nobody spoke."""
    lines = [json.loads(line) for line in written.splitlines()]
    speakers = {line.get("logger", "").partition(".")[0] for line in lines}
    assert {"botocore", "urllib3"} <= speakers
    secret_read = [line for line in lines if "SecretString" in line.get("message", "")]
    assert secret_read
    assert all(MASK in line["message"] for line in secret_read)
