"""A request from its headers to its answer: who asks, what for, the handler, the log entry, the faults on request."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from dataclasses import dataclass

from sandbox.s3.account import Account
from sandbox.s3.behaviour import Behaviour, Call, Stage, act
from sandbox.s3.errors import S3Error
from sandbox.s3.message import Request, Response
from sandbox.s3.operations.context import Context
from sandbox.s3.operations.table import Operation, operation_for
from sandbox.s3.signature import Verifier, claimed_access_key_id


@dataclass(frozen=True)
class LoggedRequest:
    """One call that was made. ``status`` 0: the client went away, or the answer was withheld before anything was done.

    ``answered`` is false where the server closed the connection on purpose instead of sending the answer.
    """

    operation: str
    bucket: str
    key: str
    status: int
    access_key_id: str | None
    error: str | None = None
    answered: bool = True


class Dispatcher:
    """Answers requests; shared by all connections. ``log`` has one entry per call, in the order of completion."""

    def __init__(
        self, account: Account, verifier: Verifier | None, behaviour: Behaviour | None, closing: threading.Event
    ) -> None:
        self._account = account
        self._verifier = verifier
        self._behaviour = behaviour
        self._closing = closing
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self.log: list[LoggedRequest] = []

    def answer(self, request: Request) -> Response:
        """The answer to send; raises ``DroppedError`` where none is to be sent, and ``OSError`` if the client left."""
        call, operation, refusal = self._identify(request)
        status, error, answered = 0, None, False
        try:
            response, error = self._respond(request, call, operation, refusal)
            status = response.status
            self._reach(Stage.ANSWER, call)
            answered = True
        except S3Error as replaced:  # only the last stage raises it: the work is done, its answer another
            response, error, answered = error_response(replaced, request.raw_path), replaced.code, True
            status = replaced.status
        finally:
            entry = LoggedRequest(call.operation, call.bucket, call.key, status, request.access_key_id, error, answered)
            with self._lock:
                self.log.append(entry)
        return response

    def _identify(self, request: Request) -> tuple[Call, Operation | None, S3Error | None]:
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
        return Call(name, request.bucket, request.key, number), operation, refusal

    def _respond(
        self, request: Request, call: Call, operation: Operation | None, refusal: S3Error | None
    ) -> tuple[Response, str | None]:
        try:
            self._reach(Stage.REQUEST, call)
            self._authenticate(request)
            if operation is None:
                raise refusal or S3Error("InternalError")
            context = Context(self._account, request, lambda: self._reach(Stage.COMMIT, call))
            return operation.handler(context), None
        except S3Error as refused:
            return error_response(refused, request.raw_path), refused.code
        except TimeoutError:
            return error_response(S3Error("RequestTimeout"), request.raw_path), "RequestTimeout"

    def _authenticate(self, request: Request) -> None:
        surroundings = self._account.surroundings
        if self._verifier:
            request.access_key_id = self._verifier.verify(request, surroundings.now())
        owner = request.headers.get("x-amz-expected-bucket-owner", surroundings.account_id)
        if owner != surroundings.account_id:
            raise S3Error("AccessDenied")

    def _reach(self, stage: Stage, call: Call) -> None:
        if self._behaviour:
            act(self._behaviour(stage, call), self._closing)


def error_response(error: S3Error, resource: str) -> Response:
    """The answer that carries an error; 304 has no body."""
    if error.status == 304:
        return Response(304)
    body = error.body(resource, secrets.token_hex(8))
    return Response(error.status, {"Content-Type": "application/xml"}, body)
