"""Structured logs: one JSON object a line, with the run and medium as fields, and no secret in any of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TextIO

from cloud_sync_common.rules.urls import MASK, redact

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id", "tenant_id"}
QUIET = ("botocore", "boto3", "s3transfer", "urllib3", "aws_xray_sdk")
"""Libraries whose DEBUG output holds headers and URLs: never below WARNING, whatever the level."""

_PLAIN = (bool, int, float, type(None))


class Redaction(logging.Filter):
    """Takes secrets out of whatever passes: those that look like one (`redact`), and those it was told of.

    As a filter it rewrites the whole record - message with its arguments, extra fields, exception, stack - so that no
    handler or formatter behind it, and not even logging's own report of a failed one, has anything to leak.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: tuple[str, ...] = ()

    def keep_secret(self, texts: Iterable[str]) -> None:
        """Mask these texts from now on, wherever they appear; they replace those told of before."""
        self._known = tuple(sorted(filter(None, texts), key=len, reverse=True))

    def text(self, text: str) -> str:
        """The text without any secret."""
        for known in self._known:
            text = text.replace(known, MASK)
        return redact(text)

    def value(self, value: object) -> object:
        """The value with every text in it masked one by one; what JSON does not know becomes text."""
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(name)): self._named(str(name), inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return self.text(str(value))

    def error(self, error: Exception) -> Exception:
        """The exception with clean words: itself where its arguments are its words, else one that names its class."""
        clean = self.text(str(error))
        error.args = tuple(self.text(each) if isinstance(each, str) else each for each in error.args)
        return error if str(error) == clean else RuntimeError(f"{type(error).__name__}: {clean}")

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; it always passes."""
        record.msg, record.args = self.text(_message(record)), None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        record.exc_text = self.text(record.exc_text) if record.exc_text else None
        record.stack_info = self.text(record.stack_info) if record.stack_info else None
        for name in vars(record).keys() - _OWN:
            setattr(record, name, self._named(name, getattr(record, name)))
        return True

    def _named(self, name: str, value: object) -> object:
        """A value under a name that may say by itself that it is a secret."""
        if redact(f"{name}: x") != f"{name}: x":
            return MASK
        return self.value(value)


class JsonFormatter(logging.Formatter):
    """A record, masked before, as JSON."""

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
        if record.exc_text:
            document["exception"] = record.exc_text
        return json.dumps(document, ensure_ascii=False)


def configure(level: str, stream: TextIO, fields: dict[str, str]) -> Redaction:
    """Let the root logger write JSON to ``stream``; whatever the runtime has set up before is replaced.

    ``fields`` are in every line. Doing it again replaces what was done before. Whoever learns of a secret tells the
    returned filter.
    """
    redaction = Redaction()
    handler = logging.StreamHandler(stream)
    handler.addFilter(redaction)
    handler.setFormatter(JsonFormatter(fields))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    return redaction


def _message(record: logging.LogRecord) -> str:
    """Message and arguments as one text, also where they do not fit together."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, LookupError) as error:
        return f"({type(error).__name__}) {record.msg} {record.args}"
