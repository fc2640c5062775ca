"""``benchmarks.copy`` as whoever runs it sees it: one line of JSON, or one line that says why not and holds no secret.

Good runs go to the benchmark's own stage, failures to the strict S3, which shows what they have left behind.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks import copy
from benchmarks import stage as benchmark
from cloud_sync_common.edges.archive import Archive
from cloud_sync_common.errors import ArchiveDenied
from cloud_sync_common.models import ObjectKey, UploadId
from sandbox.s3 import S3Error
from sandbox.s3.behaviour import Drop, Stage
from tests.support.adapters import ADAPTERS
from tests.support.aws import REGION
from tests.support.engine import in_chunks, without_ranges
from tests.support.scripted_http import Answer, End, Request, Script, ScriptedServer, origin, script
from tests.support.strict_s3 import BUCKET, Store, crc, strict_store

PART = 5 * 1024 * 1024
SMALL = b"small"
LARGE = random.Random(6).randbytes(2 * PART + 1)  # noqa: S311 - content, not a secret
KEY = "folder/kéy 1%25+&.mp4"
FEW_PARTS = ("--part-size", "5")
NOWHERE = "http://127.0.0.1:1"
contents = pytest.mark.parametrize("content", [SMALL, LARGE], ids=["one PutObject", "parts"])
adapters = pytest.mark.parametrize("adapter", ADAPTERS)


@dataclass
class Command:
    """The command; what it prints is checked for secrets, and for being one line."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Its exit code, what it printed, and what it complained about."""
        code = copy.main(arguments)
        out, err = self.capsys.readouterr()
        assert "c4n4ry" not in out + err
        assert (out.count("\n"), err.count("\n")) == ((1, 0) if code == 0 else (0, 1))
        return code, json.loads(out or "{}"), err

    def wrong_line(self, *arguments: str) -> str:
        """Its complaint about a command line."""
        with pytest.raises(SystemExit) as ended:
            copy.main(arguments)
        out, err = self.capsys.readouterr()
        assert ended.value.code == 2
        assert "c4n4ry" not in out + err
        return err


@dataclass
class Strict:
    """The strict S3 as the command's target, trusted by it."""

    store: Store

    def target(self, *options: str) -> tuple[str, ...]:
        """What comes behind the URL."""
        bundle = ("--ca-bundle", str(self.store.server.ca_bundle))
        return f"s3://{BUCKET}/{KEY}", "--endpoint-url", self.store.server.url, *bundle, *FEW_PARTS, *options

    def is_untouched(self) -> bool:
        """Whether nothing was left behind."""
        return not self.store.objects() and not self.store.open_uploads()


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        # The command sets them; what is set here first is put back afterwards.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return Command(capsys)


@pytest.fixture
def strict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Strict]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with strict_store(tmp_path) as store:
        yield Strict(store)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again takes no time."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture(scope="module", params=["http", "https"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[benchmark.Stage]:
    folder = tmp_path_factory.mktemp(request.param)
    with benchmark.Stage(folder, tls=request.param == "https", prefer_nginx=False) as made:
        yield made


# Good runs


@adapters
@pytest.mark.parametrize(("size", "parts"), [(0, 1), (1, 1), (PART, 1), (PART + 1, 2), (3 * PART, 3)])
def test_a_copy_is_what_was_served(
    command: Command, stage: benchmark.Stage, adapter: str, size: int, parts: int
) -> None:
    served = stage.source(size)
    target = (f"s3://{stage.bucket}/{KEY}", "--endpoint-url", stage.endpoint_url, "--ca-bundle", str(stage.ca_bundle))
    stage.forget(KEY)
    code, said, _ = command(served.url, *target, *FEW_PARTS, "--workers", "3", "--adapter", adapter)
    assert code == 0
    assert list(said) == ["bytes", "seconds", "parts", "crc64nvme", "cpu_seconds", "peak_rss_mb"]
    assert stage.stored(KEY) == benchmark.Stored(said["bytes"], said["crc64nvme"], said["parts"])
    assert (said["bytes"], said["crc64nvme"], said["parts"]) == (size, served.crc64nvme, parts)


@adapters
@pytest.mark.parametrize("made", [without_ranges, in_chunks])
def test_a_source_that_serves_no_ranges_is_taken_in_one_stream(
    command: Command, strict: Strict, adapter: str, made: Any
) -> None:
    with ScriptedServer(made(LARGE)) as source:
        code, said, why = command(source.url, *strict.target("--adapter", adapter))
    assert (code, why) == (0, "")
    assert (said["bytes"], said["crc64nvme"]) == (len(LARGE), crc(LARGE))
    assert strict.store.objects()[KEY].size == len(LARGE)


def test_an_endpoint_may_come_from_the_environment_and_end_in_a_slash(
    command: Command, strict: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{strict.store.server.url}/")
    bundle = ("--ca-bundle", str(strict.store.server.ca_bundle))
    with ScriptedServer(origin(SMALL)) as source:
        assert command(source.url, f"s3://{BUCKET}/{KEY}", *bundle)[0] == 0
    assert strict.store.objects()[KEY].size == len(SMALL)


@pytest.mark.parametrize(
    ("content", "operation"),
    [(SMALL, "PutObject"), (LARGE, "UploadPart"), (LARGE, "CompleteMultipartUpload")],
    ids=["PutObject", "UploadPart", "CompleteMultipartUpload"],
)
def test_an_answer_that_was_lost_makes_no_failure_of_a_copy(
    command: Command, strict: Strict, content: bytes, operation: str
) -> None:
    strict.store.faults[operation, Stage.ANSWER] = Drop()
    with ScriptedServer(origin(content)) as source:
        code, said, _ = command(source.url, *strict.target())
    assert (code, said["bytes"], said["crc64nvme"]) == (0, len(content), crc(content))
    assert strict.store.objects()[KEY].size == len(content)
    assert not strict.store.open_uploads()


# Failures


def _broken(content: bytes) -> Script:
    served = origin(content)

    def answer(request: Request) -> Answer | None:
        made = served(request)
        if made is None or request.range == (0, 0):
            return made
        return made.but(body=made.body[:-1], headers={"Content-Length": str(len(made.body))}, end=End.CLOSE)

    return answer


def _after_probe(content: bytes, status: int, headers: dict[str, str | None]) -> Script:
    served = origin(content)
    return lambda request: served(request) if request.range == (0, 0) else Answer(status, headers)


SOURCES: dict[str, tuple[Any, str]] = {
    "breaks off": (_broken, "SourceUnavailable"),
    "has changed": (lambda content: script(origin(content)(Request("GET", "", {"range": "bytes=0-0"})),
                                           then=origin(content, '"v2"')), "SourceChanged"),
    "refuses the URL": (lambda content: _after_probe(content, 403, {}), "UrlExpired"),
    "is gone": (lambda content: _after_probe(content, 404, {}), "SourceGone"),
    "fails": (lambda content: _after_probe(content, 500, {}), "SourceUnavailable"),
    "leads in a circle": (lambda content: _after_probe(content, 302, {"Location": "/c4n4ry"}), "UnsafeUrl"),
    "leads to a file": (lambda content: _after_probe(content, 302, {"Location": "file:///c4n4ry"}), "UnsafeUrl"),
    "leads to no port": (lambda content: _after_probe(content, 302, {"Location": "http://c4n4ry:99999/"}), "UnsafeUrl"),
    "is a page": (lambda content: origin(content, kind="text/html"), "WrongContent"),
}  # fmt: skip


@adapters
@contents
@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_fails_leaves_nothing_behind(
    command: Command, strict: Strict, adapter: str, content: bytes, source: str
) -> None:
    made, expected = SOURCES[source]
    with ScriptedServer(made(content)) as server:
        code, _, said = command(server.url, *strict.target("--adapter", adapter))
    assert (code, said.split(":")[1].strip()) == (1, expected)
    assert strict.is_untouched()


@adapters
@pytest.mark.parametrize(
    ("content", "operation"),
    [
        (SMALL, "PutObject"),
        *[(LARGE, operation) for operation in ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")],
    ],
    ids=["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"],
)
def test_an_archive_that_refuses_keeps_nothing(
    command: Command, strict: Strict, adapter: str, content: bytes, operation: str
) -> None:
    strict.store.refuse(operation, "AccessDenied")
    with ScriptedServer(origin(content)) as source:
        code, _, said = command(source.url, *strict.target("--adapter", adapter))
    assert (code, said) == (1, "error: ArchiveDenied: S3 or KMS refuses access to the archive bucket (AccessDenied)\n")
    assert strict.is_untouched()


@contents
def test_what_is_there_already_is_never_overwritten(command: Command, strict: Strict, content: bytes) -> None:
    strict.store.put(content, ObjectKey(KEY), {"copy": "another"})
    before = strict.store.objects()
    with ScriptedServer(origin(content)) as source:
        code, _, said = command(source.url, *strict.target())
    assert code == 1
    assert "already" in said
    assert strict.store.objects() == before
    assert not strict.store.open_uploads()


def test_why_a_copy_failed_is_said_even_if_its_upload_cannot_be_given_up(
    command: Command, strict: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(archive: Archive, key: ObjectKey, upload_id: UploadId) -> None:
        raise ArchiveDenied("not even that")

    monkeypatch.setattr(Archive, "abort", denied)
    strict.store.faults["UploadPart", Stage.REQUEST] = S3Error("NoSuchBucket")
    with ScriptedServer(origin(LARGE)) as source:
        code, _, said = command(source.url, *strict.target())
    assert code == 1
    assert "NoSuchBucket" in said


@adapters
@contents
def test_nobody_at_the_endpoint(command: Command, adapter: str, content: bytes) -> None:
    with ScriptedServer(origin(content)) as source:
        options = ("--endpoint-url", NOWHERE, "--adapter", adapter, *FEW_PARTS)
        code, _, said = command(source.url, f"s3://{BUCKET}/{KEY}", *options)
    assert code == 1
    assert "ArchiveUnavailable" in said


@adapters
def test_nobody_at_the_source(command: Command, strict: Strict, adapter: str) -> None:
    code, _, said = command(f"{NOWHERE}/?c4n4ry", *strict.target("--adapter", adapter))
    assert code == 1
    assert "SourceUnavailable" in said
    assert strict.is_untouched()


@adapters
def test_an_endpoint_that_is_not_trusted(command: Command, strict: Strict, adapter: str) -> None:
    url = strict.store.server.url
    with ScriptedServer(origin(SMALL)) as source:
        code, _, said = command(source.url, f"s3://{BUCKET}/{KEY}", "--endpoint-url", url, "--adapter", adapter)
    assert code == 1
    assert "ArchiveUnavailable" in said
    assert strict.is_untouched()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "NoCredentialsError"),
        ({"AWS_PROFILE": "none"}, "ProfileNotFound"),
        ({"AWS_ENDPOINT_URL": "http://a..b"}, "InvalidInput"),
        ({"AWS_DEFAULT_REGION": "no region"}, "InvalidInput"),
    ],
)
def test_an_environment_that_makes_no_client(
    command: Command, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name, value in {"AWS_ENDPOINT_URL": NOWHERE, **environment}.items():
        monkeypatch.setenv(name, value)
    with ScriptedServer(origin(SMALL)) as source:
        code, _, said = command(source.url, f"s3://{BUCKET}/{KEY}")
    assert code == 1
    assert expected in said


def test_more_parts_than_s3_takes(command: Command, strict: Strict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy, "MAX_PARTS", 2)
    with ScriptedServer(origin(LARGE)) as source:
        code, _, said = command(source.url, *strict.target())
    assert code == 1
    assert "raise --part-size" in said
    assert strict.is_untouched()


@pytest.mark.parametrize(
    "arguments",
    [
        ("ftp://a/c4n4ry", "s3://b/k"),
        ("http://[::1/c4n4ry", "s3://b/k"),
        ("http://a:99999/c4n4ry", "s3://b/k"),
        ("http://a:port/c4n4ry", "s3://b/k"),
        ("http://a/\r\nx: c4n4ry", "s3://b/k"),
        ("http:///c4n4ry", "s3://b/k"),
        ("http://a/", "s3://b"),
        ("http://a/", "b/k"),
        ("http://a/", "s3://b/k", "--endpoint-url", "ftp://a"),
        ("http://a/", "s3://b/k", "--endpoint-url", "http://u:c4n4ry@a"),
        ("http://a/", "s3://b/k", "--endpoint-url", "http://a:99999"),
        ("http://a/", "s3://b/k", "--endpoint-url", "http://a?c4n4ry"),
        ("http://a/", "s3://b/k", "--workers", "0"),
        ("http://a/", "s3://b/k", "--part-size", "4"),
        ("http://a/", "s3://b/k", "--ca-bundle", "/none"),
        ("http://a/", "s3://b/k", "--adapter", "none"),
    ],
)
def test_a_wrong_command_line_repeats_no_secret(command: Command, arguments: tuple[str, ...]) -> None:
    assert "error: argument" in command.wrong_line(*arguments)
