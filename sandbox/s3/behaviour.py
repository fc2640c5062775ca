"""Faults on request: what a test may make the server do to a call, from outside the program under test.

A behaviour is asked at three moments of every call and answers with an action or ``None``. ``rules`` builds one from a
list, which covers "the 2nd CompleteMultipartUpload is carried out but its answer is lost"::

    S3Server(root, ..., behaviour=rules(Rule("CompleteMultipartUpload", Stage.ANSWER, Drop(), nth=2)))
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sandbox.s3.errors import S3Error


class Stage(StrEnum):
    """The moments of a call."""

    REQUEST = "request"
    """Headers read and signature checked; nothing done, body not read."""
    COMMIT = "commit"
    """Body received and checked; about to become visible (PutObject, UploadPart, CompleteMultipartUpload)."""
    ANSWER = "answer"
    """Carried out (or refused); the answer is not sent yet."""


@dataclass(frozen=True)
class Call:
    """A call as a behaviour sees it; ``number`` counts the calls of this operation from 1, over the server's life."""

    operation: str
    bucket: str
    key: str
    number: int


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer."""


@dataclass(frozen=True)
class Hold:
    """Go on only when ``release`` is set (or the server closes, or ``timeout`` seconds have passed)."""

    release: threading.Event
    timeout: float = 30.0


Action = S3Error | Drop | Hold
Behaviour = Callable[[Stage, Call], Action | None]


class DroppedError(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True)
class Rule:
    """``action`` at ``stage`` of the ``nth`` call of ``operation``; of every one if ``nth`` is ``None``."""

    operation: str
    stage: Stage
    action: Action
    nth: int | None = None
    key: str | None = None

    def matches(self, stage: Stage, call: Call) -> bool:
        """Whether the rule is about this moment of this call."""
        wanted = (self.operation, self.stage, self.nth or call.number, self.key or call.key)
        return wanted == (call.operation, stage, call.number, call.key)


def rules(*given: Rule) -> Behaviour:
    """A behaviour that does what the first matching rule says."""

    def behave(stage: Stage, call: Call) -> Action | None:
        return next((rule.action for rule in given if rule.matches(stage, call)), None)

    return behave


def act(action: Action | None, closing: threading.Event) -> None:
    """Carry out an action: raise it, wait for it, or do nothing."""
    if isinstance(action, S3Error):
        raise action
    if isinstance(action, Drop):
        raise DroppedError
    if isinstance(action, Hold):
        waited = 0.0
        while not closing.is_set() and waited < action.timeout and not action.release.wait(0.05):
            waited += 0.05
