"""A request from its headers to its answer: what it asks for, the faults ordered for it, the handler, the log entry."""

from __future__ import annotations

import errno
import os
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.s3.account import Account
from sandbox.s3.behaviour import Behaviour, Call, DroppedError, Stage, act
from sandbox.s3.body import RecordedBody
from sandbox.s3.errors import S3Error
from sandbox.s3.kms import refusal_of
from sandbox.s3.log import Log
from sandbox.s3.message import Request, Response
from sandbox.s3.operations.context import Context
from sandbox.s3.operations.table import Operation, operation_for
from sandbox.s3.refusals import refusal_code, refusal_response
from sandbox.s3.signature import Verifier, claimed_access_key_id
from sandbox.wire.callers import Peer
from sandbox.wire.disturbance import ordered
from sandbox.wire.orders import Orders, Plan
from sandbox.wire.outlet import Outlet
from sandbox.wire.sockets import Sleep

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""Those of this machine's disk; the others are of a connection."""


@dataclass(frozen=True)
class Faults:
    """Who may make the server do what it should not: ``plan`` from outside, ``behaviour`` from a test.

    ``sleep`` waits for as long as an order says, or until the server closes.
    """

    plan: Plan
    behaviour: Behaviour | None
    sleep: Sleep


@dataclass(frozen=True)
class Arrival:
    """A request whose head has arrived: what it means, who sent it, and what shall happen to it."""

    request: Request
    call: Call
    operation: Operation | None
    refusal: S3Error | None
    peer: Peer
    orders: Orders


class Dispatcher:
    """Answers requests; shared by all connections."""

    def __init__(self, account: Account, verifier: Verifier | None, faults: Faults, closing: threading.Event) -> None:
        self._account = account
        self._verifier = verifier
        self._faults = faults
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._closing = closing
        self.sleep = faults.sleep
        self.log = Log()
        self.disk_trouble: str | None = None

    def arrive(self, request: Request, peer: Peer) -> Arrival:
        """Find out what a request means, and ask the plan what shall happen to it."""
        operation, refusal = None, None
        request.access_key_id = claimed_access_key_id(request)
        try:
            operation = operation_for(request)
        except S3Error as unknown:
            refusal = unknown
        name = operation.name if operation else f"{request.method} {refusal.message if refusal else ''}"
        with self._lock:
            self._numbers[name] += 1
            number = self._numbers[name]
        call = Call(name, request.bucket, request.key, number)
        resource = f"{request.bucket}/{request.key}" if request.key else request.bucket
        return Arrival(request, call, operation, refusal, peer, self._ordered("s3", name, resource, peer))

    def _ordered(self, service: str, operation: str, resource: str, peer: Peer) -> Orders:
        return ordered(self._faults.plan, peer, service, operation, resource)

    def answer(self, arrival: Arrival, outlet: Outlet) -> Response:
        """The answer to send.

        Raises ``DroppedError`` or ``Ended`` where none is to be sent, and ``OSError`` if the client has left.
        """
        status, error, answered = 0, None, False
        try:
            outlet.arrived()
            response, error = self._carried_out(arrival)
            status = response.status
            self._reach(Stage.ANSWER, arrival.call)
            outlet.answering()
            answered = True
        except S3Error as replaced:  # only the last stage raises it: the work is done, its answer another
            response, error, answered = error_response(replaced, arrival.request.raw_path), replaced.code, True
            status = replaced.status
        finally:
            self.log.add(arrival.request, arrival.call.operation, status, error, answered=answered)
        return response

    def _carried_out(self, arrival: Arrival) -> tuple[Response, str | None]:
        """Do what was asked as often as was ordered; the answer of the last time, or the one that was ordered."""
        request, name, ordered = arrival.request, arrival.call.operation, arrival.orders.refusal
        outcome: tuple[Response, str | None] | None = None
        with self._repeatable(arrival):
            for _ in range(arrival.orders.carried_out):
                if outcome:
                    self.log.add(request, name, outcome[0].status, outcome[1], answered=False)
                outcome = self._respond(arrival)
        if ordered:
            response = refusal_response(ordered, name, request.raw_path, _request_id())
            return response, refusal_code(ordered, name)
        if outcome is None:
            raise DroppedError
        return outcome

    @contextmanager
    def _repeatable(self, arrival: Arrival) -> Iterator[None]:
        if arrival.orders.carried_out <= 1:
            yield
            return
        with self._account.disk.aside() as record:
            arrival.request.body = RecordedBody(arrival.request.body, record)
            yield

    def _respond(self, arrival: Arrival) -> tuple[Response, str | None]:
        request, call, operation = arrival.request, arrival.call, arrival.operation
        try:
            self._reach(Stage.REQUEST, call)
            self._authenticate(request)
            if operation is None:
                raise arrival.refusal or S3Error("InternalError")
            context = Context(
                self._account,
                request,
                operation.name,
                before_commit=lambda: self._reach(Stage.COMMIT, call),
                ask_kms=lambda use, key: self._ask_kms(arrival.peer, use, key),
            )
            return operation.handler(context), None
        except S3Error as refused:
            return error_response(refused, request.raw_path), refused.code
        except TimeoutError:
            return error_response(S3Error("RequestTimeout"), request.raw_path), "RequestTimeout"
        except OSError as problem:
            if problem.errno not in _DISK_ERRORS:
                raise
            self.disk_trouble = os.strerror(problem.errno)
            return error_response(S3Error("InternalError"), request.raw_path), "InternalError"

    def _authenticate(self, request: Request) -> None:
        surroundings = self._account.surroundings
        if self._verifier:
            request.access_key_id = self._verifier.verify(request, surroundings.now())
        owner = request.headers.get("x-amz-expected-bucket-owner", surroundings.account_id)
        if owner != surroundings.account_id:
            raise S3Error("AccessDenied")

    def _ask_kms(self, peer: Peer, use: str, key: str) -> None:
        """What goes wrong between S3 and KMS is S3's answer; a kill is obeyed at once, whatever its moment."""
        orders = self._ordered("kms", use, key, peer)
        if orders.delay:
            self.sleep(orders.delay)
        if orders.kill and peer.kill():
            orders.took_effect()
            raise DroppedError
        refusal = refusal_of(orders)
        if orders.delay or refusal:
            orders.took_effect()
        if refusal:
            raise refusal

    def _reach(self, stage: Stage, call: Call) -> None:
        if self._faults.behaviour:
            act(self._faults.behaviour(stage, call), self._closing)


def error_response(error: S3Error, resource: str) -> Response:
    """The answer that carries an error; 304 has no body."""
    if error.status == 304:
        return Response(304)
    return Response(error.status, {"Content-Type": "application/xml"}, error.body(resource, _request_id()))


def _request_id() -> str:
    return secrets.token_hex(8)
