"""Structured logs: one JSON object a line, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_sync_common.edges.credentials import parse_secret
from cloud_sync_common.errors import CredentialsMalformed, SchemaChanged
from cloud_sync_common.observability.logs import QUIET, Redaction, configure
from cloud_sync_common.rules.urls import MASK

CANARY = "c4n4ry"
SECRETS = [
    f"Cookie: gp_access_token={CANARY}; gp_user_id={CANARY}",
    f"{{'Cookie': 'gp_access_token={CANARY}'}}",
    f'{{"cookies": "gp_access_token={CANARY}; a={CANARY}"}}',
    f"GET https://cdn.gopro.com/u/1/a.mp4?Signature={CANARY}&Expires=1 failed",
    f"Authorization: Bearer {CANARY}",
    f"token eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}",
    f"as bearer {CANARY}{CANARY} it went",
    f"headers={{'X-Amz-Security-Token': b'{CANARY}', 'host': b'x'}}",
    f'{{"x-amz-security-token": ["{CANARY}"]}}',
    f"b'X-Amz-Security-Token': b\\'{CANARY}\\'",
    f'body: b\'{{"cookies": "a=\\\\"{CANARY}\\\\"; b=1"}}\'',
    f'Response body:\nb\'{{"Name": "gopro/credentials", "SecretString": "[\\"{CANARY}\\"]"}}\'',
    f"GET /u/1.mp4?Expires=1&Signature={CANARY}&Key-Pair-Id={CANARY} HTTP/1.1",
]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the root logger writes during the test; everything about it is put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    written = io.StringIO()
    configure("INFO", written, {"function": "lister", "environment": "prod"})
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_the_functions_fields(stream: io.StringIO) -> None:
    logging.getLogger("cloud_sync_common.x").warning("%d of %d", 1, 2, extra={"media_id": "m1", "listed": None})
    assert _lines(stream) == [
        {
            "level": "WARNING",
            "message": "1 of 2",
            "logger": "cloud_sync_common.x",
            "function": "lister",
            "environment": "prod",
            "media_id": "m1",
            "listed": None,
        }
    ]


def test_a_message_of_many_lines_stays_one_line(stream: io.StringIO) -> None:
    logging.getLogger("x").error('first\nsecond\r\n{"level": "forged"}')
    assert [line["level"] for line in _lines(stream)] == ["ERROR"]


def test_a_value_that_json_does_not_know_is_written_as_text(stream: io.StringIO) -> None:
    logging.getLogger("x").info("x", extra={"thing": {1}})
    assert _lines(stream)[0]["thing"] == "{1}"


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_of_a_message_is_written(stream: io.StringIO, secret: str) -> None:
    logging.getLogger("x").info("got %s here", secret, extra={"seen": secret})
    assert CANARY not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("secret", SECRETS)
def test_a_line_is_json_even_where_a_secret_was_taken_out(stream: io.StringIO, secret: str) -> None:
    logging.getLogger("x").info("got %s", secret, extra={"media_id": "m1"})
    line = _lines(stream)[0]
    assert (line["level"], line["media_id"]) == ("INFO", "m1")


@pytest.mark.parametrize("name", ["Cookie", "cookies", "Authorization", "gp_access_token"])
def test_a_secret_is_known_by_the_name_of_its_field_too(stream: io.StringIO, name: str) -> None:
    logging.getLogger("x").info("got", extra={name: CANARY, "headers": {name: CANARY}, "seen": [{name: CANARY}]})
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_of_an_exception_is_written(stream: io.StringIO, secret: str) -> None:
    logging.getLogger("x").error("it broke", exc_info=ValueError(secret))
    assert CANARY not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_secret_that_looks_like_nothing_is_masked_once_it_is_known(stream: io.StringIO) -> None:
    redaction = configure("INFO", stream, {})
    redaction.keep_secret((CANARY, f"{CANARY}-longer"))
    logging.getLogger("x").error(
        "got %s",
        f"<{CANARY}-longer>",
        extra={"thing": {CANARY: {CANARY}}},
        exc_info=ValueError(CANARY),
        stack_info=True,
    )
    assert CANARY not in stream.getvalue()
    assert "-longer" not in stream.getvalue()
    redaction.keep_secret(())
    logging.getLogger("x").error(CANARY)
    assert _lines(stream)[-1]["message"] == CANARY


@pytest.mark.parametrize("secret", SECRETS)
def test_whatever_is_behind_the_filter_finds_nothing_either(stream: io.StringIO, secret: str) -> None:
    """A formatter of somebody else's, on the same handler."""
    logging.getLogger().handlers[0].setFormatter(logging.Formatter("%(message)s %(seen)s %(stack_info)s"))
    logging.getLogger("x").error("got %s", secret, extra={"seen": secret}, exc_info=ValueError(secret), stack_info=True)
    assert "ValueError" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_a_message_that_does_not_fit_its_arguments_is_still_a_masked_line(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("x").info("%d of %d", f"Cookie: {CANARY}", "two")
    assert "(TypeError)" in _lines(stream)[0]["message"]
    assert CANARY not in stream.getvalue() + capsys.readouterr().err


@pytest.mark.parametrize("value", [["a", "b"], {"inner": "x"}, 5, b"x", None])
def test_nothing_at_all_is_shown_under_the_name_of_a_secret(stream: io.StringIO, value: object) -> None:
    logging.getLogger("x").info("got", extra={"headers": {"Set-Cookie": value}})
    assert _lines(stream)[0]["headers"] == {"Set-Cookie": MASK}


@pytest.mark.parametrize("secret", SECRETS)
def test_an_exceptions_words_are_cleaned_and_its_class_stays(secret: str) -> None:
    error = SchemaChanged(f"seen {secret}", status=200)
    cleaned = Redaction().error(error)
    assert cleaned is error
    assert CANARY not in f"{cleaned} {cleaned!r}"
    assert "seen" in str(cleaned)


def test_an_exception_with_words_of_its_own_making_is_replaced() -> None:
    error = OSError(2, "no such file", f"https://x/?{CANARY}")
    cleaned = Redaction().error(error)
    assert CANARY not in f"{cleaned} {cleaned!r}"
    assert "no such file" in str(cleaned)


def test_the_help_with_a_wrong_secret_survives_the_cleaning_with_its_class() -> None:
    with pytest.raises(CredentialsMalformed) as caught:
        parse_secret("x", "gopro/credentials")
    cleaned = Redaction().error(caught.value)
    assert cleaned is caught.value
    assert "aws secretsmanager put-secret-value --secret-id gopro/credentials" in str(cleaned)


def test_the_level_is_obeyed_and_libraries_never_tell_their_headers(stream: io.StringIO) -> None:
    configure("DEBUG", stream, {})
    logging.getLogger("cloud_sync_common").debug("ours")
    for name in QUIET:
        logging.getLogger(name).debug("theirs")
        logging.getLogger(f"{name}.part").info("theirs")
    assert [line["message"] for line in _lines(stream)] == ["ours"]


def test_configuring_again_replaces_what_was_there(stream: io.StringIO) -> None:
    other = io.StringIO()
    configure("WARNING", other, {"function": "other"})
    logging.getLogger("x").info("too quiet")
    logging.getLogger("x").warning("once")
    assert stream.getvalue() == ""
    assert [line["function"] for line in _lines(other)] == ["other"]
