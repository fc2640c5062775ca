"""The simulator as a server: one address that stands for GoPro's API host and its CDN."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from email.message import Message
from types import TracebackType
from typing import Self

from sandbox.gopro.account import Account
from sandbox.gopro.api import Api
from sandbox.gopro.cdn import Cdn
from sandbox.gopro.errors import PortInUse, SimulatorError
from sandbox.gopro.http_server import HttpServer
from sandbox.gopro.journal import Exchange, Journal
from sandbox.gopro.library import Library
from sandbox.gopro.messages import Behaviour, Request, Response
from sandbox.gopro.playing import Player
from sandbox.gopro.refusals import refused
from sandbox.gopro.signing import Signer, is_cdn_path
from sandbox.gopro.tricks import trick_of
from sandbox.wire.callers import NOBODY, Callers
from sandbox.wire.orders import Orders, Plan, undisturbed

URL_LIFETIME = 3600
"""Seconds; GoPro's own signed URLs live about so long."""


class GoProServer:
    """Serves a library in threads from entering the context until leaving it.

    ``behaviour`` is asked before every request (see ``messages.Behaviour``), ``url_lifetime`` is in seconds, ``clock``
    gives seconds since the epoch. ``port`` 0 takes any free one. Entering raises ``PortInUse`` when the port is taken,
    ``SimulatorError`` when the address cannot be used. Entered again, it serves the same account on the same port.

    ``plan`` is asked once for each request and obeyed at the socket (operations: ``sandbox.gopro.operations``; the
    resource is the path without the query), ``callers`` tells it which function a request comes from. A behaviour sees
    what the plan lets through.

    ``public_url`` stands in links instead of the server's own address: that of a tunnel or proxy which leads here.
    """

    def __init__(  # noqa: PLR0913 - the switches of one server, all given by name
        self,
        library: Library,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        behaviour: Behaviour | None = None,
        plan: Plan = undisturbed,
        callers: Callers | None = None,
        url_lifetime: int = URL_LIFETIME,
        clock: Callable[[], float] = time.time,
        public_url: str | None = None,
    ) -> None:
        self._host = host
        self._public_url = public_url
        self._port = port
        self._behaviour = behaviour
        self._plan = plan
        self._callers = callers if callers is not None else NOBODY
        self._account = Account()
        self._clock = clock
        self._signer = Signer(self._account, url_lifetime, clock)
        self._player = Player(self)
        self._journal = Journal()
        self._http: HttpServer | None = None
        self.replace_library(library)

    def replace_library(self, library: Library) -> None:
        """Serve another library from the next request on: what a live account does while it is being listed."""
        self._library = library
        self._routes = (Api(library, self._account, self._link), Cdn(library, self._signer))

    def __enter__(self) -> Self:
        try:
            self._http = HttpServer((self._host, self._port), self._respond, self._journal, self._plan, self._callers)
        except (OSError, OverflowError) as error:
            raise _cannot_listen(self._host, self._port, error) from None
        self._port = self._http.port
        self._http.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            self._http.stop()
            self._http = None

    @property
    def url(self) -> str:
        """The base URL of API and CDN, without a slash at the end; the port is known once the context is entered."""
        return self._public_url or f"http://{self._host}:{self._port}"

    @property
    def library(self) -> Library:
        """What is served now: tricks (``sandbox.gopro.tricks``) may have changed it."""
        return self._library

    def expire_urls(self) -> None:
        """Let every URL handed out so far count as expired."""
        self._signer.expire_all()

    def now(self) -> float:
        """Return the server's time, in seconds since the epoch."""
        return self._clock()

    @property
    def credentials(self) -> dict[str, str]:
        """What the project's secret should hold: ``cookies`` and ``user-agent``."""
        return self._account.credentials

    @property
    def access_token(self) -> str:
        """The token alone, for clients that send it as ``Authorization: Bearer``."""
        return self._account.access_token

    @property
    def canaries(self) -> tuple[str, ...]:
        """Texts of this server's secrets that must turn up in no log, state, table or report."""
        return self._account.canaries

    @property
    def requests(self) -> tuple[Exchange, ...]:
        """Everything answered so far, in the order in which the answers began."""
        return self._journal.exchanges

    @property
    def violations(self) -> tuple[str, ...]:
        """Everything seen that no careful client does (a cookie at the CDN, a write), one line each."""
        return self._journal.violations

    def _link(self, method: str, path: str) -> str:
        return f"{self.url}{path}?{self._signer.query(method, path)}"

    def route(self, request: Request) -> Response:
        """Answer as usual, undisturbed by behaviour and plan."""
        api, cdn = self._routes
        return cdn.answer(request) if is_cdn_path(request.path) else api.answer(request)

    def _respond(self, method: str, path: str, query: dict[str, str], headers: Message, orders: Orders) -> Response:
        at_cdn, trick = is_cdn_path(path), trick_of(orders)

        def proceed() -> Response:
            return self.route(request) if trick is None else self._player.play(trick, request)

        request = Request(method, path, query, headers, proceed)
        self._journal.inspect(request, at_cdn=at_cdn)
        answers = [self._carry_out(request) for _ in range(orders.carried_out)]
        return refused(orders.refusal, at_cdn=at_cdn) if orders.refusal is not None else answers[-1]

    def _carry_out(self, request: Request) -> Response:
        changed = self._behaviour(request) if self._behaviour is not None else None
        return changed if changed is not None else request.proceed()


def _cannot_listen(host: str, port: int, error: OSError | OverflowError) -> SimulatorError:
    if isinstance(error, OverflowError):
        return SimulatorError(f"port {port} does not exist: choose one from 1 to 65535, or 0 for any free one")
    if error.errno == errno.EADDRINUSE:
        return PortInUse(f"port {port} on {host} is in use: choose another one, or 0 for any free one")
    return SimulatorError(f"cannot listen on {host}, port {port}: {error.strerror}; choose another address")
