"""Structured logs: one JSON object a line, with the run and medium as fields, and no secret in any of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TextIO

from cloud_sync_common.rules.urls import redact

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "tenant_id"}
QUIET = ("botocore", "boto3", "s3transfer", "urllib3", "aws_xray_sdk")
"""Libraries whose DEBUG output holds headers and URLs: never below WARNING, whatever the level."""


class JsonFormatter(logging.Formatter):
    """A record as JSON, every text of it redacted, exceptions included."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        document: dict[str, object] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **self._fields,
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(_redacted(document), default=_redacted_text, ensure_ascii=False)


def _redacted(value: object) -> object:
    """The value with every text in it redacted one by one: masking the finished line could cut through its JSON."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(name): _named(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner) for inner in value]
    return value


def _named(name: str, value: object) -> object:
    """A value under a name that may say by itself that it is a secret."""
    if isinstance(value, str):
        return redact(f"{name}: {value}").removeprefix(f"{name}: ")
    return _redacted(value)


def _redacted_text(value: object) -> str:
    return redact(str(value))


def configure(level: str, stream: TextIO, fields: dict[str, str]) -> None:
    """Let the root logger write JSON to ``stream``; whatever the runtime has set up before is replaced.

    ``fields`` are in every line. Doing it again replaces what was done before.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(fields))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
