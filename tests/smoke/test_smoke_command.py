"""``python -m smoke``: what it refuses before anything is made."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from moto.core.models import responses_mock
from responses import RequestsMock

from cloud_sync.caller import Caller
from cloud_sync.settings import Settings
from cloud_sync.stages import read_settings
from smoke.checks import OK, UNCHECKED, WRONG, Checks, SmokeError
from smoke.cli import _agree, main
from smoke.library import BYTES_PER_FUNCTION, FILES, THRESHOLD, write_library
from smoke.simulator import check_simulator
from smoke.stage import STAGE, settings
from tests.support.aws import make_client
from tests.support.command import PROJECT, environment

URL = "https://simulator.example"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIATEST",
    "AWS_SECRET_ACCESS_KEY": "not-a-real-secret",
    "AWS_REGION": "eu-central-1",
}
CREDENTIALS = {"cookies": "gp_access_token=x", "user-agent": "Mozilla/5.0"}


def serve(mock: RequestsMock) -> None:
    """Answer at ``URL`` as our simulator does."""
    rows = [{"id": file.name[:-4], "filename": file.name, "file_size": file.size} for file in FILES]
    mock.get(f"{URL}/media/search", json={"_embedded": {"media": rows}})
    for row, file in zip(rows, FILES, strict=True):
        variations = [{"label": "source", "url": f"{URL}/cdn/{row['id']}?Signature=x"}]
        mock.get(f"{URL}/media/{row['id']}/download", json={"_embedded": {"variations": variations}})
        mock.get(f"{URL}/cdn/{row['id']}", status=206, body=file.content[:1024])


@pytest.fixture
def web() -> Iterator[RequestsMock]:
    """Our simulator; tests take answers away or replace them."""
    with RequestsMock(assert_all_requests_are_fired=False) as mock:
        serve(mock)
        yield mock


def test_our_simulator_is_accepted(web: RequestsMock) -> None:
    check_simulator(URL, CREDENTIALS)
    assert all("Cookie" not in call.request.headers for call in web.calls if "/cdn/" in str(call.request.url))


@pytest.mark.parametrize(
    "url",
    ["http://simulator.example", "simulator.example", "https://simulator.example:8443", f"{URL}/path", "https://"],
)
def test_an_address_that_functions_would_not_open_is_refused(url: str) -> None:
    with pytest.raises(SmokeError, match="https, port 443, no path"):
        check_simulator(url, CREDENTIALS)


def test_a_server_that_is_not_ours_is_refused(web: RequestsMock) -> None:
    web.replace("GET", f"{URL}/media/search", body="<html>Visit site</html>")
    with pytest.raises(SmokeError, match="without JSON"):
        check_simulator(URL, CREDENTIALS)
    web.replace("GET", f"{URL}/media/search", json={"_embedded": {"media": [{"id": "m0", "filename": "GX1.MP4"}]}})
    with pytest.raises(SmokeError, match="does not serve the three files"):
        check_simulator(URL, CREDENTIALS)
    web.replace("GET", f"{URL}/media/search", status=401, json={})
    with pytest.raises(SmokeError, match="refuses the credentials"):
        check_simulator(URL, CREDENTIALS)


def test_links_to_elsewhere_and_other_bytes_are_refused(web: RequestsMock) -> None:
    web.replace("GET", f"{URL}/cdn/GX010002", status=206, body=b"\0" * 1024)
    with pytest.raises(SmokeError, match=r"GX010002.MP4 .* is not the file"):
        check_simulator(URL, CREDENTIALS)
    elsewhere = {"_embedded": {"variations": [{"label": "source", "url": "http://127.0.0.1:8765/x?Signature=c4n4ry"}]}}
    web.replace("GET", f"{URL}/media/GX010001/download", json=elsewhere)
    with pytest.raises(SmokeError, match="--public-url") as refusal:
        check_simulator(URL, CREDENTIALS)
    assert "c4n4ry" not in str(refusal.value)


def test_a_server_that_does_not_answer_is_refused_in_one_line(web: RequestsMock) -> None:
    web.remove("GET", f"{URL}/media/search")
    with pytest.raises(SmokeError, match=r"^simulator\.example cannot be reached \(ConnectionError\): do tunnel"):
        check_simulator(URL, CREDENTIALS)


def smoke(scratch: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smoke", *arguments],
        cwd=PROJECT,
        env=environment(scratch),
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_server_that_lists_the_files_but_gives_no_links_is_refused(web: RequestsMock) -> None:
    answers: list[object] = [{}, [], {"_embedded": {"variations": []}}, {"_embedded": {"variations": [{"label": "x"}]}}]
    for answer in answers:
        web.replace("GET", f"{URL}/media/GX010001/download", json=answer)
        with pytest.raises(SmokeError, match=r"like GoPro's API when asked for GX010001\.MP4"):
            check_simulator(URL, CREDENTIALS)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--library", "/dev/null"), "cannot write the three files into /dev/null"),
        (("--remove", "prod"), "'prod' is not a throw-away stage: their names look like smoke-12ab34"),
        (("--remove", ""), "'' is not a throw-away stage"),
        ((), "name the simulator: make smoke-aws SIMULATOR=https://..."),
        (("--simulator", "https://x.example", "--credentials", "absent.json"), "absent.json does not hold"),
    ],
)
def test_a_call_that_cannot_work_ends_in_one_line(tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = smoke(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"smoke: {complaint}")


def test_without_the_accounts_id_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "simulator.json").write_text(json.dumps({"url": URL, "credentials": CREDENTIALS}))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody is there to be asked
    arguments = ["--simulator", URL, "--credentials", str(tmp_path / "simulator.json")]
    with mock_aws():
        serve(responses_mock)
        assert main(arguments) == 1
        assert "not prepared for the CDK" in capsys.readouterr().err
        make_client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
        assert main(arguments) == 1
        told = capsys.readouterr().err
        assert "Expected cost" in told
        assert "account 123456789012, region eu-central-1" in told
        assert "nothing was done: say that this account is meant, with --yes 123456789012" in told
        assert main([*arguments, "--yes", "999999999999"]) == 1
        assert "nothing was done: 999999999999 is not this account's id" in capsys.readouterr().err
        assert make_client("cloudformation").list_stacks()["StackSummaries"] == []


def test_the_files_are_the_same_everywhere_and_no_larger_than_they_must_be(tmp_path: Path) -> None:
    write_library(tmp_path)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in tmp_path.iterdir()}
    assert digests == {"GX010001.MP4": "8cf419a6", "GX010002.MP4": "def8233e", "GX010003.MP4": "623b8be4"}
    assert [file.size > THRESHOLD for file in FILES] == [False, True, True]
    assert [file.size > BYTES_PER_FUNCTION for file in FILES] == [False, False, True]
    assert sum(file.size for file in FILES) < 83 * 1024 * 1024


def test_the_stages_settings_are_allowed_and_bill_no_month() -> None:
    chosen = Settings.from_context(settings("smoke-0a1b2c", URL))
    assert STAGE.fullmatch(chosen.stage)
    assert (chosen.gopro_api_url, chosen.allowed_hosts) == (URL, "simulator.example")
    assert (chosen.schedule_enabled, chosen.run_on_fresh_cookies) == (False, True)
    assert chosen.archive_storage_class == "STANDARD"


def test_what_an_owner_has_set_for_all_stages_does_not_reach_the_throw_away_stage() -> None:
    network = {"vpc_subnet_ids": "subnet-89abcdef", "vpc_security_group_ids": "sg-89abcdef"}
    owners = {"alert_email": "me@example.com", "deep_archive_after_days": 90, "workers": 16, **network}
    given = settings("smoke-0a1b2c", URL)
    assert read_settings(given, base=owners) == Settings.from_context({**given, **network})


def test_the_end_of_the_input_is_no_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with pytest.raises(SmokeError, match="nothing was done: an empty answer"):
        _agree(Caller("111122223333", "eu-central-1", "arn:aws:iam::111122223333:user/me"), None)


def test_what_was_not_checked_is_never_counted_as_passed() -> None:
    checks = Checks({"bucket policy"})
    assert not checks.can("versions stay", "bucket policy")
    assert not checks.passed
    checks.note("bytes are equal", True, 17)
    assert checks.passed
    checks.refused("overwriting is refused", (412, ""), lambda: None)
    assert [check.outcome for check in checks.made] == [UNCHECKED, OK, WRONG]
    assert not checks.passed
