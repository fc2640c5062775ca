"""What ``sandbox run`` makes of its options, without starting anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.run.errors import UsageError
from sandbox.run.options import parse_gopro_url, parse_input, parse_remote, parse_settings, read_credentials

GOOD = {"cookies": "gp_access_token=abcdefgh", "user-agent": "Mozilla/5.0"}


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(GOOD))
    return path


def test_input_is_a_json_object_whatever_its_keys() -> None:
    assert parse_input('{"limit": 3, "made_up": null}') == {"limit": 3, "made_up": None}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"text"', "null", '{"limit": NaN}', '{"limit": Infinity}'])
def test_input_that_step_functions_would_not_take_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_input(text)
    assert str(refusal.value).startswith("--input")
    assert "\n" not in str(refusal.value)


def test_the_last_value_of_a_repeated_setting_wins_and_values_may_hold_equal_signs() -> None:
    assert parse_settings(["workers=1", "schedule=rate(1 day)", "workers=2", "alert_email=a=b"]) == {
        "workers": "2",
        "schedule": "rate(1 day)",
        "alert_email": "a=b",
    }


@pytest.mark.parametrize("pair", ["workers", "=2", " =2", ""])
def test_a_setting_without_key_or_equal_sign_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="KEY=VALUE"):
        parse_settings([pair])


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.gopro.com", "https://api.gopro.com"),
        ("https://api.gopro.com/", "https://api.gopro.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://localhost:9/", "http://localhost:9"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_https_anywhere_and_http_to_this_machine_are_accepted(given: str, used: str) -> None:
    assert parse_gopro_url(given) == used


@pytest.mark.parametrize(
    "url",
    [
        "http://api.gopro.com",
        "http://192.168.1.5:8080",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "api.gopro.com",
        "https://",
        "https://user:secret@api.gopro.com",
        "https://api.gopro.com?x=1",
        "https://api.gopro.com#x",
        "https://api.gopro.com:port",
        "https://[::1",
        "",
    ],
)
def test_any_other_address_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_gopro_url(url)
    assert str(refusal.value).startswith("--gopro-url")
    assert "\n" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_remote_server_needs_both_of_its_options(credentials: Path) -> None:
    with pytest.raises(UsageError, match="--gopro-url needs --credentials"):
        parse_remote("https://api.gopro.com", None, None)
    with pytest.raises(UsageError, match="--credentials needs --gopro-url"):
        parse_remote(None, credentials, None)
    assert parse_remote(None, None, None) is None


def test_a_library_and_a_remote_server_exclude_each_other(credentials: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        parse_remote("https://api.gopro.com", credentials, tmp_path)


def test_credentials_are_read_and_never_shown(credentials: Path) -> None:
    remote = parse_remote("https://api.gopro.com", credentials, None)
    assert remote is not None
    assert remote.credentials == GOOD
    assert "abcdefgh" not in repr(remote)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{not json", "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"user-agent": "x"}', "'cookies'"),
        ('{"cookies": "tell-nobody"}', "'user-agent'"),
        ('{"cookies": "  ", "user-agent": "tell-nobody"}', "'cookies'"),
        ('{"cookies": ["tell-nobody"], "user-agent": "x"}', "'cookies'"),
        ('tell-nobody=1; {"', "is not JSON"),
    ],
)
def test_a_credentials_file_that_cannot_work_is_named_without_its_content(
    tmp_path: Path, content: str, says: str
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(content)
    with pytest.raises(UsageError) as refusal:
        read_credentials(path)
    assert says in str(refusal.value)
    assert "tell-nobody" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_credentials_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_credentials(tmp_path / "absent.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not JSON"):
        read_credentials(tmp_path / "binary")
