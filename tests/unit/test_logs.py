"""Structured logs: one JSON object a line, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_sync_common.observability.logs import QUIET, configure

CANARY = "c4n4ry"
SECRETS = [
    f"Cookie: gp_access_token={CANARY}; gp_user_id={CANARY}",
    f"{{'Cookie': 'gp_access_token={CANARY}'}}",
    f'{{"cookies": "gp_access_token={CANARY}; a={CANARY}"}}',
    f"GET https://cdn.gopro.com/u/1/a.mp4?Signature={CANARY}&Expires=1 failed",
    f"Authorization: Bearer {CANARY}",
    f"token eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}",
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
