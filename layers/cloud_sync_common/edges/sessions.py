"""The two HTTP sessions towards GoPro, API and CDN, with everything that is refused before a byte is sent.

Which URLs may be opened is decided by ``rules.urls.check_url``; here is the rest: where a name leads, what travels
along, and how long an answer may begin. A name is looked up once; its addresses are checked and exactly those are
connected to, so that a second look-up cannot bring in another one (DNS rebinding), and not even a TCP handshake
reaches an address of the inside (Lambda's runtime API, X-Ray's daemon, a VPC). No request gets slower by that.

Proxies (``HTTPS_PROXY``, ``NO_PROXY``) and ``REQUESTS_CA_BUNDLE`` are honoured, as requests does by itself. Behind a
proxy the addresses are the proxy's to look up and to judge; URLs are checked as ever, and https goes through a CONNECT
tunnel, so the proxy sees host names and neither cookies nor signatures.

Sources: urllib3 2.8 gives ``_new_conn`` no public name, and its own SOCKS support overrides it (urllib3.contrib.socks);
OWASP, Server Side Request Forgery Prevention Cheat Sheet. http.client bounds headers: 100 of at most 64 KiB.
"""

from __future__ import annotations

import socket
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.response import HTTPResponse

from cloud_sync_common.edges.addresses import ForbiddenAddress, permitted_addresses
from cloud_sync_common.edges.cut_off import CutOff

HEADERS_SECONDS = 40.0
"""From the request to the end of the answer's headers, in all; less than an invocation of five minutes or more keeps
after its deadline. Behind a proxy only the time between two bytes is bounded."""


def api_session() -> requests.Session:
    """A session for the API host: it adds nothing to a request, keeps no cookie and follows no redirect."""
    session = _new_session(connections=1)
    session.headers["Accept-Encoding"] = "gzip"
    return session


def cdn_session(connections: int) -> requests.Session:
    """A session for pre-signed URLs that carries nothing of ours, with a pool of ``connections`` kept alive."""
    session = _new_session(connections)
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "gopro-cloud-sync"})
    return session


class _StayingSession(requests.Session):
    """Never looks at where a redirect leads: requests would read its whole body, however long, for nothing."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere."""


class _CheckedConnection(HTTPConnection):
    """A connection that is made to public addresses only, or to this machine where the URL itself names it."""

    def _new_conn(self) -> socket.socket:
        name = self.host
        trouble: Exception = ForbiddenAddress(name)
        try:
            for address in self._good_addresses(name):
                self.host = address
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    trouble = error
        finally:
            self.host = name
        raise trouble

    def _good_addresses(self, name: str) -> list[str]:
        try:
            return permitted_addresses(name, self.port or 443)
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, f"the name cannot be looked up ({type(error).__name__})") from None

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        """The answer, when its headers are there within ``HEADERS_SECONDS``."""
        # The plain socket's shutdown: that of an SSLSocket would take TLS away from under the reader.
        hang_up = partial(socket.socket.shutdown, self.sock, socket.SHUT_RDWR)
        with CutOff(HEADERS_SECONDS, hang_up) as cut_off:
            response = super().getresponse()
        if cut_off.happened:
            response.close()
            # http.client takes a connection's end for the end of the headers.
            raise TimeoutError("the headers of the answer did not end in time")
        return response


class _CheckedSecureConnection(_CheckedConnection, HTTPSConnection):
    """The same with TLS; the certificate is checked against the name."""


class _CheckedPool(HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _CheckedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _CheckedSecureConnection


class _CheckedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Connect by our own classes; proxies keep urllib3's."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _CheckedPool, "https": _CheckedSecurePool}


def _new_session(connections: int) -> requests.Session:
    session = _StayingSession()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _leave_alone
    session.headers.clear()
    session.headers["Accept"] = "*/*"
    adapter = _CheckedAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from taking an Authorization header out of somebody's ``.netrc``."""
    return request
