"""What shall go wrong with one call. Servers ask for orders when a request's head has arrived, and obey them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.wire.calls import Call


class Ending(StrEnum):
    """How an answer ends before its end."""

    RESET = "reset"
    """The connection is torn down (RST)."""
    CLOSE = "close"
    """The connection is closed in good order, as if that had been all."""
    STALL = "stall"
    """Nothing more is sent for ``seconds``; then the rest follows."""


class Kill(StrEnum):
    """When the calling function's process gets SIGKILL."""

    REQUEST = "request"
    """The request has arrived and nothing is done."""
    BEFORE_ANSWER = "before-answer"
    """It is carried out and the answer is not sent."""
    AFTER_ANSWER = "after-answer"
    """The answer has left."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in place of the server's own. ``code`` is the service's error code, which the server words itself."""

    status: int
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """After ``after`` bytes of the answer's body (its head is sent whole) the answer ends as ``ending`` says."""

    ending: Ending
    after: int = 0
    seconds: float = 0.0


def _unnoticed() -> None:
    """Nobody keeps a record."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything that is to happen to one call; the default is nothing.

    ``carried_out`` is how often the server does what was asked: 0 leaves it undone (only with ``refusal``, ``cut`` or
    ``lost``), 2 does it twice, as a request that the network delivered twice. ``refusal`` is sent in place of the
    answer, after ``carried_out`` is done. ``lost`` tears the connection down (RST) in place of any answer.
    ``headers`` replaces headers of the answer, ``None`` removes one. ``upload_cut`` tears the connection down (RST)
    after so many bytes of the request's body. ``rate`` is in bytes of body per second; ``delay`` is in seconds before
    the answer's first byte. ``took_effect`` is called by the ``Outlet`` when the orders have really made a difference:
    a cut behind the end of a short body never does.
    """

    carried_out: int = 1
    refusal: Refusal | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    cut: Cut | None = None
    upload_cut: int | None = None
    rate: float | None = None
    delay: float = 0.0
    kill: Kill | None = None
    lost: bool = False
    took_effect: Callable[[], None] = field(default=_unnoticed, compare=False, repr=False)


UNDISTURBED = Orders()

Plan = Callable[[Call], Orders]
"""Asked once for each call, from the servers' threads, before anything is done."""


def undisturbed(_call: Call) -> Orders:
    """Be the plan of a sandbox without faults."""
    return UNDISTURBED
