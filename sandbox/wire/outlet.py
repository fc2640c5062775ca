"""How a server obeys ``Orders`` on one connection: what it calls at which moment, and what then reaches the client.

::

    orders = plan(Call("s3", "GetObject", "bucket/key", peer.caller))
    outlet = Outlet(orders, line_to(connection, closing.wait), closing.wait, peer.kill)
    try:
        outlet.arrived()                                  # the head is read, nothing is done
        ... read(outlet.readable(n)); outlet.received(n)  # while the request's body comes in
        ... carry it out orders.carried_out times; orders.refusal replaces the answer
        outlet.answering()                                # done; nothing of the answer is sent
        outlet.head(block with edited(headers, orders.headers))
        outlet.body(block)                                # as often as there are blocks
        outlet.answered()                                 # the answer is complete
    except Ended:
        ... stop serving this connection and close it in the usual way

With ``UNDISTURBED`` all of it does nothing but send.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from sandbox.wire.orders import Cut, Ending, Kill, Orders
from sandbox.wire.sockets import Sleep, flush, hang_up, reset

Block = bytes | bytearray | memoryview

_PACES_A_SECOND = 10
"""A paced body leaves in so many blocks a second."""


class Ended(Exception):
    """The connection has ended by order: nothing may be read from it or sent on it any more."""


@dataclass(frozen=True, slots=True)
class Line:
    """The sending side of a connection. ``send`` sends all of a block or raises ``OSError``.

    ``reset`` tears the connection down (RST), ``close`` ends it in good order (FIN), ``flush`` waits until what was
    sent has left.
    """

    send: Callable[[Block], object]
    reset: Callable[[], None]
    close: Callable[[], None]
    flush: Callable[[], None]


def line_to(connection: socket.socket, sleep: Sleep) -> Line:
    """Return the line of a TCP connection with or without TLS; after ``reset`` its descriptor is -1."""
    return Line(
        connection.sendall,
        partial(reset, connection, sleep),
        partial(hang_up, connection),
        partial(flush, connection, sleep),
    )


def edited(headers: Mapping[str, str], edits: Mapping[str, str | None]) -> dict[str, str]:
    """Return the headers with ``Orders.headers`` applied: names match in any case, order is kept, new ones are last."""
    wanted = {name.lower(): value for name, value in edits.items()}
    changed = {name: wanted.get(name.lower(), value) for name, value in headers.items()}
    present = {name.lower() for name in headers}
    changed |= {name: value for name, value in edits.items() if name.lower() not in present}
    return {name: value for name, value in changed.items() if value is not None}


def _nobody() -> bool:
    return False


class Outlet:
    """Obeys the orders for one call; one per call, used by one thread.

    ``sleep`` waits so many seconds, or less when the server closes (``closing.wait``). ``kill`` kills the calling
    function and tells whether there was one: for everyone else a kill changes nothing. ``sent`` counts the bytes of
    the answer's body. Every method raises ``Ended`` when the orders end the connection there.
    """

    def __init__(self, orders: Orders, line: Line, sleep: Sleep, kill: Callable[[], bool] = _nobody) -> None:
        self._orders = orders
        self._line = line
        self._sleep = sleep
        self._kill = kill
        self._cut: Cut | None = orders.cut
        self._uploaded = 0
        self.sent = 0

    @property
    def steers_body(self) -> bool:
        """Whether the body must pass through ``body``; otherwise the server may send it its own way (sendfile)."""
        return self._cut is not None or self._orders.rate is not None

    def arrived(self) -> None:
        """Obey what is due when the request's head has arrived and nothing is done."""
        orders = self._orders
        if orders.kill is None and orders.cut is None and orders.upload_cut is None:
            orders.took_effect()  # the rest cannot fail to happen
        self._kill_at(Kill.REQUEST)
        self.received(0)
        if not orders.carried_out and orders.refusal is None:
            self._end_undone()

    def readable(self, wanted: int) -> int:
        """Return how many of the ``wanted`` bytes of the request's body may be read before ``received`` is told."""
        if self._orders.upload_cut is None:
            return wanted
        return min(wanted, self._orders.upload_cut - self._uploaded)

    def received(self, count: int) -> None:
        """Count bytes of the request's body as they are read."""
        self._uploaded += count
        if self._orders.upload_cut is not None and self._uploaded >= self._orders.upload_cut:
            self._orders.took_effect()
            self._reset()

    def answering(self) -> None:
        """Obey what is due when the request is carried out (or refused) and nothing of the answer is sent."""
        self._kill_at(Kill.BEFORE_ANSWER)
        if self._orders.lost:
            self._reset()

    def head(self, block: Block) -> None:
        """Send status line and headers, after the delay."""
        if self._orders.delay:
            self._sleep(self._orders.delay)
        self._line.send(block)
        self._cut_here()

    def body(self, block: Block) -> None:
        """Send the next bytes of the body as the rate and the cut allow."""
        left = memoryview(block).cast("B")
        while left:
            size = self._next_size(len(left))
            self._line.send(left[:size])
            self.sent += size
            left = left[size:]
            if self._orders.rate is not None:
                self._sleep(size / self._orders.rate)
            self._cut_here()

    def answered(self) -> None:
        """Obey what is due when the answer has been handed over whole."""
        if self._orders.kill is Kill.AFTER_ANSWER:
            self._line.flush()
            if self._kill():
                self._orders.took_effect()

    def _next_size(self, available: int) -> int:
        size = available
        if self._orders.rate is not None:
            size = min(size, max(1, int(self._orders.rate / _PACES_A_SECOND)))
        if self._cut is not None:
            size = min(size, self._cut.after - self.sent)
        return size

    def _cut_here(self) -> None:
        cut = self._cut
        if cut is None or self.sent < cut.after:
            return
        self._cut = None
        self._orders.took_effect()
        if cut.ending is Ending.STALL:
            self._sleep(cut.seconds)
        else:
            self._end(cut.ending)

    def _end_undone(self) -> NoReturn:
        """End a call of which nothing is done, so that there is no answer to cut."""
        cut = self._cut
        if cut is None:
            self._reset()
        self._orders.took_effect()
        if cut.ending is Ending.STALL:
            self._sleep(cut.seconds)
        self._end(cut.ending)

    def _kill_at(self, moment: Kill) -> None:
        if self._orders.kill is moment and self._kill():
            self._orders.took_effect()
            self._reset()

    def _end(self, ending: Ending) -> NoReturn:
        if ending is Ending.RESET:
            self._reset()
        self._line.close()
        raise Ended

    def _reset(self) -> NoReturn:
        self._line.reset()
        raise Ended
