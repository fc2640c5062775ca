"""Both sources: ranges, validators, keep-alive, TLS as CloudFront does it, and a limit per connection."""

from __future__ import annotations

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from awscrt import checksums

from benchmarks.stage import Served, Stage, StageFailed
from benchmarks.stage.contents import as_s3_writes
from benchmarks.stage.nginx import Nginx, find_nginx
from benchmarks.stage.source import Pace, Reply, reply_to

_SIZE = 3 * 1024 * 1024 + 7


@pytest.fixture(scope="module", params=["nginx", "python"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if request.param == "nginx" and not find_nginx():
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("stage")
    with Stage(folder, prefer_nginx=request.param == "nginx") as stage:
        yield stage
    assert not list(folder.iterdir())


@pytest.fixture(scope="module")
def served(stage: Stage) -> Served:
    return stage.source(_SIZE)


@pytest.fixture
def connection(stage: Stage, served: Served) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=stage.ca_bundle)
    connection = http.client.HTTPSConnection(urlsplit(served.url).netloc, context=context, timeout=20)
    yield connection
    connection.close()


def _ask(
    connection: http.client.HTTPSConnection, served: Served, *, method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, urlsplit(served.url).path, headers=names)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_the_kind_is_said(stage: Stage, request: pytest.FixtureRequest) -> None:
    assert stage.source_kind.startswith(request.node.callspec.params["stage"])


def test_the_whole_file_has_the_checksum_that_was_told(connection: http.client.HTTPSConnection, served: Served) -> None:
    status, headers, body = _ask(connection, served)

    assert (status, len(body), headers["Content-Length"]) == (200, _SIZE, str(_SIZE))
    assert as_s3_writes(checksums.crc64nvme(body)) == served.crc64nvme


def test_ranges_on_one_connection_are_the_bytes_asked_for(
    connection: http.client.HTTPSConnection, served: Served
) -> None:
    _, headers, body = _ask(connection, served)
    connected = connection.sock

    for start, end in ((0, 1), (5, 15), (_SIZE - 3, _SIZE), (1, 2_000_000)):
        status, ranged, piece = _ask(connection, served, Range=f"bytes={start}-{end - 1}", If_Match=headers["ETag"])
        assert (status, ranged["Content-Range"]) == (206, f"bytes {start}-{end - 1}/{_SIZE}")
        assert piece == body[start:end]
    assert connection.sock is connected


def test_another_version_of_the_file_is_refused(connection: http.client.HTTPSConnection, served: Served) -> None:
    assert _ask(connection, served, Range="bytes=0-1", If_Match='"other"')[0] == 412


def test_a_range_beyond_the_end_is_refused(connection: http.client.HTTPSConnection, served: Served) -> None:
    status, headers, _ = _ask(connection, served, Range=f"bytes={_SIZE}-")

    assert (status, headers["Content-Range"]) == (416, f"bytes */{_SIZE}")


def test_head_has_no_body(connection: http.client.HTTPSConnection, served: Served) -> None:
    status, headers, body = _ask(connection, served, method="HEAD")

    assert (status, headers["Content-Length"], body) == (200, str(_SIZE), b"")
    assert _ask(connection, served, Range="bytes=0-0")[0] == 206


def test_there_is_no_other_file(connection: http.client.HTTPSConnection, served: Served) -> None:
    assert _ask(connection, Served(f"{served.url}x", 0, ""))[0] == 404


def test_tls_is_what_cloudfront_settles_on(connection: http.client.HTTPSConnection) -> None:
    connection.connect()

    assert isinstance(connection.sock, ssl.SSLSocket)
    assert connection.sock.version() == "TLSv1.3"
    assert (connection.sock.cipher() or ("",))[0] == "TLS_AES_128_GCM_SHA256"


def test_curl_reads_a_range(stage: Stage, served: Served) -> None:
    command = ["curl", "--silent", "--fail", "--cacert", str(stage.ca_bundle), "--range", "16-31", served.url]

    assert len(subprocess.run(command, capture_output=True, check=True).stdout) == 16


def test_its_cpu_is_counted(stage: Stage, connection: http.client.HTTPSConnection) -> None:
    before = stage.source_cpu_seconds()
    _ask(connection, stage.source(64 * 1024 * 1024))

    assert stage.source_cpu_seconds() > before


def test_plain_http(tmp_path: Path) -> None:
    with Stage(tmp_path, tls=False) as stage:
        served = stage.source(10)
        connection = http.client.HTTPConnection(urlsplit(served.url).netloc)
        connection.request("GET", urlsplit(served.url).path)
        assert len(connection.getresponse().read()) == 10
        connection.close()


def test_nginx_is_told_the_limit_in_bytes(tmp_path: Path) -> None:
    if not find_nginx():
        pytest.skip("nginx is not installed")
    with Stage(tmp_path, bytes_per_second=20_000_000):
        (configuration,) = tmp_path.glob("*/nginx.conf")

        assert "limit_rate 20000000;" in configuration.read_text()


def test_an_nginx_that_does_not_start_is_an_error_with_its_words(tmp_path: Path) -> None:
    if not (program := find_nginx()):
        pytest.skip("nginx is not installed")

    with pytest.raises(StageFailed, match="unknown directive"):
        Nginx(program, tmp_path, Path("/; nonsense"), None, None)


class _Time:
    """A clock that only sleeping moves, each sleep too long by ``late`` seconds."""

    def __init__(self, late: float) -> None:
        self.now = 100.0
        self._late = late

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self._late if seconds else 0.0


@pytest.mark.parametrize("late", [0.0, 0.001])
def test_the_python_source_keeps_its_pace_although_sleeps_are_too_long(late: float) -> None:
    time = _Time(late)
    pace = Pace(20_000_000, lambda: time.now, time.sleep)

    for _ in range(1000):
        pace.wait(64 * 1024)

    assert time.now - 100 == pytest.approx(1000 * 64 * 1024 / 20_000_000, rel=0.01)


def test_time_that_a_connection_was_idle_is_not_made_up_for() -> None:
    time = _Time(0.0)
    pace = Pace(1000, lambda: time.now, time.sleep)
    time.now += 60

    pace.wait(1000)

    assert time.now == pytest.approx(160.98, abs=0.001)


@pytest.mark.parametrize(
    ("headers", "reply"),
    [
        ({}, Reply(200, 0, 10)),
        ({"range": "bytes=2-4"}, Reply(206, 2, 5)),
        ({"range": "bytes=2-"}, Reply(206, 2, 10)),
        ({"range": "bytes=2-99"}, Reply(206, 2, 10)),
        ({"range": "bytes=-3"}, Reply(206, 7, 10)),
        ({"range": "bytes=-30"}, Reply(206, 0, 10)),
        ({"range": "bytes=-0"}, Reply(416)),
        ({"range": "bytes=10-"}, Reply(416)),
        ({"range": "bytes=-"}, Reply(200, 0, 10)),
        ({"range": "bytes=0-1,3-4"}, Reply(200, 0, 10)),
        ({"range": "bytes=0-1", "if-range": '"e"'}, Reply(206, 0, 2)),
        ({"range": "bytes=0-1", "if-range": '"other"'}, Reply(200, 0, 10)),
        ({"if-match": "*"}, Reply(200, 0, 10)),
        ({"if-match": '"other"'}, Reply(412)),
    ],
)
def test_what_the_python_source_answers(headers: dict[str, str], reply: Reply) -> None:
    assert reply_to("GET", headers, 10, '"e"') == reply


def test_the_python_source_takes_nothing() -> None:
    assert reply_to("PUT", {}, 10, '"e"') == Reply(405)
