"""One request from its arrival to its answer: named, recorded, disturbed as ordered."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING, Any

from werkzeug.test import run_wsgi_app

from sandbox.aws.gateway.log import CallLog, resource_of
from sandbox.aws.gateway.parameters import kept_parameters
from sandbox.aws.gateway.refusals import Answer, error_code, refusal, unknown_key
from sandbox.aws.gateway.requests import ApiRequest, read_request
from sandbox.aws.keys import KeyRing
from sandbox.wire.callers import Peer
from sandbox.wire.disturbance import ordered
from sandbox.wire.orders import Orders, Plan, Refusal
from sandbox.wire.outlet import Ended, Line, Outlet, edited
from sandbox.wire.sockets import Sleep

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Gateway:
    """Stands in front of a WSGI application that plays AWS; used by one thread for each connection.

    With ``keys``, a request whose access key is not among them is refused as AWS refuses an unknown key; signatures
    are not checked. ``plan`` is asked once for each call. ``sleep`` waits so many seconds, or less if the server
    closes. Every call is in ``log`` as soon as it has arrived, and how it ended before its answer leaves.
    """

    application: WSGIApplication
    plan: Plan
    keys: KeyRing | None
    sleep: Sleep
    log: CallLog

    def serve(self, environ: dict[str, Any], line: Line, peer: Peer) -> None:
        """Answer one request; the answer has left, or the connection has ended by order, when this returns.

        A failure of the application is answered with status 500 and raised again.
        """
        body = _body(environ)
        request = read_request(environ, body)
        parameters = kept_parameters(request)
        number = self._arrived(request, parameters)
        orders = ordered(self.plan, peer, request.service, request.operation, resource_of(parameters))
        outlet = Outlet(orders, line, self.sleep, peer.kill)
        with suppress(Ended):
            outlet.arrived()
            outlet.received(outlet.readable(len(body)))
            try:
                answer = self._answer(environ, body, request, orders)
            except Exception as failure:
                self.log.ended(number, HTTPStatus.INTERNAL_SERVER_ERROR, type(failure).__name__)
                _send(outlet, _failed(request, failure), orders, environ["REQUEST_METHOD"])
                raise
            self.log.ended(number, answer.status, error_code(answer))
            _send(outlet, answer, orders, environ["REQUEST_METHOD"])

    def _answer(self, environ: dict[str, Any], body: bytes, request: ApiRequest, orders: Orders) -> Answer:
        """Do what was asked as often as ordered, and return the last answer or the refusal in its place."""
        if self.keys is not None and request.access_key_id not in self.keys:
            return unknown_key(request)
        answers = [self._carry_out(environ, body) for _ in range(orders.carried_out)]
        return _ordered(request, orders.refusal) if orders.refusal is not None else answers[-1]

    def _carry_out(self, environ: dict[str, Any], body: bytes) -> Answer:
        fresh = {**environ, "wsgi.input": io.BytesIO(body)}
        blocks, status, headers = run_wsgi_app(self.application, fresh, buffered=True)
        kept = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        return Answer(int(status.split(maxsplit=1)[0]), kept, b"".join(blocks))

    def _arrived(self, request: ApiRequest, parameters: Mapping[str, Any]) -> int:
        key = request.access_key_id
        owner = self.keys.owners.get(key) if self.keys is not None and key is not None else None
        return self.log.arrived(request.service, request.operation, parameters, access_key_id=key, owner=owner)


def _body(environ: Mapping[str, Any]) -> bytes:
    """Read the request's body whole: everything but S3 has small ones; ``ConnectionError`` if the client stopped."""
    if environ.get("wsgi.input_terminated"):
        return bytes(environ["wsgi.input"].read())
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = bytes(environ["wsgi.input"].read(length))
    if len(body) < length:
        raise ConnectionAbortedError("the client stopped in the middle of its request")
    return body


def _ordered(request: ApiRequest, wanted: Refusal) -> Answer:
    answer = refusal(request, wanted.status, wanted.code, "Refused by the sandbox's fault schedule")
    body = answer.body if wanted.body is None else wanted.body
    return Answer(answer.status, {**answer.headers, **wanted.headers}, body)


def _failed(request: ApiRequest, failure: Exception) -> Answer:
    why = str(failure) if isinstance(failure, NotImplementedError) else type(failure).__name__
    return refusal(request, HTTPStatus.INTERNAL_SERVER_ERROR, "InternalFailure", f"moto failed: {why}")


def _send(outlet: Outlet, answer: Answer, orders: Orders, method: str) -> None:
    outlet.answering()
    headers = dict(_framed(answer, method)) | {"Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in edited(headers, orders.headers).items()]
    outlet.head("\r\n".join([*lines, "", ""]).encode("latin-1"))
    if method != "HEAD":
        outlet.body(answer.body)
    outlet.answered()


def _framed(answer: Answer, method: str) -> Iterable[tuple[str, str]]:
    """Return the headers with the length of the body; a HEAD's own length is about the body that it does not have."""
    stated = any(name.lower() == "content-length" for name in answer.headers)
    for name, value in answer.headers.items():
        if name.lower() != "content-length" or method == "HEAD":
            yield name, value
    if answer.status not in _BODILESS and not (method == "HEAD" and stated):
        yield "Content-Length", str(len(answer.body))
