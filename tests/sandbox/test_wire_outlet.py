"""Orders obeyed at a real connection, with and without TLS: what a client gets, and how its connection ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from sandbox.wire.orders import UNDISTURBED, Cut, Ending, Kill, Orders, Refusal
from sandbox.wire.outlet import Ended, Line, Outlet, edited, line_to
from tests.sandbox.wire_support import Pauses, Received, answer, connection, receive

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
BODY = bytes(range(250)) * 4

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["plain", "tls"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    with connection(tls=request.param == "tls") as pair:
        yield pair


def obeyed(ends: Ends, orders: Orders, *blocks: bytes) -> tuple[Received, Pauses, Outlet]:
    """Answer under the orders; return what came out at the other end, and the pauses that were asked for."""
    server, client = ends
    pauses = Pauses()
    outlet = Outlet(orders, line_to(server, pauses), pauses)
    if answer(outlet, HEAD, *(blocks or (BODY,))):
        server.shutdown(socket.SHUT_WR) if not hasattr(server, "unwrap") else line_to(server, pauses).close()
    return receive(client), pauses, outlet


def test_without_orders_everything_is_sent_as_it_is(ends: Ends) -> None:
    got, pauses, outlet = obeyed(ends, UNDISTURBED, BODY[:300], BODY[300:])
    assert got == Received(HEAD + BODY, "closed")
    assert (pauses.asked, outlet.sent, outlet.steers_body) == ([], 1000, False)


@pytest.mark.verifies("faults.reset")
@pytest.mark.parametrize("after", [0, 1, 600, 1000])
def test_a_reset_comes_after_exactly_so_many_bytes_of_the_body(ends: Ends, after: int) -> None:
    got, _, outlet = obeyed(ends, Orders(cut=Cut(Ending.RESET, after)), BODY[:599], BODY[599:])
    assert got == Received(HEAD + BODY[:after], "reset")
    assert outlet.sent == after


@pytest.mark.verifies("faults.truncation")
@pytest.mark.parametrize("after", [0, 1, 600])
def test_a_truncated_answer_ends_as_if_it_were_complete(ends: Ends, after: int) -> None:
    got, _, _ = obeyed(ends, Orders(cut=Cut(Ending.CLOSE, after)))
    assert got == Received(HEAD + BODY[:after], "closed")


@pytest.mark.verifies("faults.stall")
def test_a_stalled_answer_goes_on_after_its_pause(ends: Ends) -> None:
    got, pauses, _ = obeyed(ends, Orders(cut=Cut(Ending.STALL, 600, 7.5)))
    assert got == Received(HEAD + BODY, "closed")
    assert pauses.asked == [7.5]


@pytest.mark.verifies("faults.stall")
def test_nothing_is_sent_while_an_answer_stalls(ends: Ends) -> None:
    server, client = ends
    seen: list[bytes] = []
    outlet = Outlet(
        Orders(cut=Cut(Ending.STALL, 600, 7.5)), line_to(server, Pauses()), lambda _: seen.append(client.recv(65536))
    )
    outlet.head(b"")
    outlet.body(BODY)
    assert b"".join(seen) == BODY[:600]


@pytest.mark.verifies("faults.slow")
def test_a_paced_body_leaves_in_small_blocks_with_pauses_that_make_up_the_rate(ends: Ends) -> None:
    got, pauses, _ = obeyed(ends, Orders(rate=2000))
    assert got == Received(HEAD + BODY, "closed")
    assert sum(pauses.asked) == pytest.approx(0.5)
    assert max(pauses.asked) <= 0.1


@pytest.mark.verifies("faults.slow")
def test_a_rate_below_a_byte_per_block_still_sends(ends: Ends) -> None:
    got, pauses, _ = obeyed(ends, Orders(rate=0.5), b"ab")
    assert (got.content, pauses.asked) == (HEAD + b"ab", [2.0, 2.0])


@pytest.mark.verifies("faults.delay")
def test_a_delay_comes_before_the_first_byte(ends: Ends) -> None:
    server, client = ends
    client.settimeout(0)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        with pytest.raises(OSError, match=r"unavailable|did not complete"):
            client.recv(1)

    assert answer(Outlet(Orders(delay=1.5), line_to(server, sleep), sleep), HEAD)
    client.settimeout(20)
    assert client.recv(len(HEAD)) == HEAD
    assert waited == [1.5]


@pytest.mark.verifies("faults.lost-answer")
def test_of_a_lost_answer_nothing_arrives(ends: Ends) -> None:
    got, _, _ = obeyed(ends, Orders(lost=True))
    assert got == Received(b"", "reset")


@pytest.mark.parametrize(
    ("orders", "end"),
    [
        (Orders(carried_out=0, lost=True), "reset"),
        (Orders(carried_out=0, cut=Cut(Ending.RESET)), "reset"),
        (Orders(carried_out=0, cut=Cut(Ending.CLOSE)), "closed"),
        (Orders(carried_out=0, cut=Cut(Ending.STALL, 0, 3.0)), "closed"),
    ],
)
def test_a_call_that_is_not_carried_out_ends_on_arrival(ends: Ends, orders: Orders, end: str) -> None:
    outlet = Outlet(orders, line_to(ends[0], Pauses()), Pauses())
    with pytest.raises(Ended):
        outlet.arrived()
    assert receive(ends[1]) == Received(b"", end)


def test_a_refusal_without_work_is_left_to_the_server(ends: Ends) -> None:
    got, _, _ = obeyed(ends, Orders(carried_out=0, refusal=Refusal(503)))
    assert got == Received(HEAD + BODY, "closed")


@pytest.mark.verifies("faults.upload-reset")
def test_an_upload_is_reset_after_exactly_so_many_bytes(ends: Ends) -> None:
    server, client = ends
    outlet = Outlet(Orders(upload_cut=600), line_to(server, Pauses()), Pauses())
    client.sendall(BODY)
    outlet.arrived()
    for size in (256, 256):
        outlet.received(len(server.recv(outlet.readable(size))))
    last = server.recv(outlet.readable(256))
    assert len(last) == 600 - 512
    with pytest.raises(Ended):
        outlet.received(len(last))
    assert receive(client).end == "reset"


@pytest.mark.verifies("faults.upload-reset")
def test_an_upload_can_be_reset_before_its_first_byte(ends: Ends) -> None:
    with pytest.raises(Ended):
        Outlet(Orders(upload_cut=0), line_to(ends[0], Pauses()), Pauses()).arrived()
    assert receive(ends[1]).end == "reset"


def test_without_orders_an_upload_may_be_read_in_any_size() -> None:
    with connection() as (server, _):
        outlet = Outlet(UNDISTURBED, line_to(server, Pauses()), Pauses())
        outlet.received(outlet.readable(10**9))
        assert outlet.readable(10**9) == 10**9


@pytest.mark.parametrize("tls", [False, True])
def test_what_was_sent_before_a_reset_arrives_however_slowly_the_client_reads(tls: bool) -> None:
    size = 6 * 1024 * 1024
    with connection(tls=tls) as (server, client):
        orders = Orders(cut=Cut(Ending.RESET, size - 1))
        outlet = Outlet(orders, line_to(server, threading.Event().wait), Pauses())
        sending = threading.Thread(target=answer, args=(outlet, HEAD, bytes(size)))
        sending.start()
        got = receive(client)
        sending.join()
    assert (len(got.content) - len(HEAD), got.end) == (size - 1, "reset")


class Killing:
    """A kill that notes how much the client has got at that moment; ``found`` tells whether the caller is there."""

    def __init__(self, client: socket.socket, *, found: bool) -> None:
        self._client = client
        self._found = found
        self.seen: list[bytes] = []

    def __call__(self) -> bool:
        self._client.setblocking(False)
        try:
            self.seen.append(self._client.recv(65536))
        except BlockingIOError:
            self.seen.append(b"")
        self._client.settimeout(20)
        return self._found


@pytest.mark.verifies("faults.kill")
@pytest.mark.parametrize(
    ("moment", "goes_on", "seen"),
    [(Kill.REQUEST, False, b""), (Kill.BEFORE_ANSWER, False, b""), (Kill.AFTER_ANSWER, True, HEAD + BODY)],
)
def test_the_caller_is_killed_at_its_moment(moment: Kill, goes_on: bool, seen: bytes) -> None:
    with connection() as (server, client):
        kill = Killing(client, found=True)
        outlet = Outlet(Orders(kill=moment), line_to(server, Pauses()), Pauses(), kill)
        assert answer(outlet, HEAD, BODY) is goes_on
    assert kill.seen == [seen]


@pytest.mark.verifies("faults.kill")
def test_a_caller_is_killed_after_its_answer_only_when_the_answer_has_left() -> None:
    done: list[str] = []

    def step(name: str) -> Callable[..., None]:
        return lambda *_: done.append(name)

    def kill() -> bool:
        done.append("kill")
        return True

    line = Line(step("send"), step("reset"), step("close"), step("flush"))
    assert answer(Outlet(Orders(kill=Kill.AFTER_ANSWER), line, Pauses(), kill), HEAD, BODY)
    assert done == ["send", "send", "flush", "kill"]


@pytest.mark.verifies("faults.kill")
@pytest.mark.parametrize("moment", list(Kill))
def test_a_call_of_somebody_who_cannot_be_killed_is_answered(moment: Kill) -> None:
    with connection() as (server, client):
        assert answer(
            Outlet(Orders(kill=moment), line_to(server, Pauses()), Pauses(), Killing(client, found=False)), HEAD, BODY
        )


@pytest.mark.verifies("faults.record")
@pytest.mark.parametrize(
    ("orders", "effective"),
    [
        (Orders(refusal=Refusal(503)), True),
        (Orders(lost=True), True),
        (Orders(rate=1.0), True),
        (Orders(cut=Cut(Ending.RESET, 1000)), True),
        (Orders(cut=Cut(Ending.CLOSE, 1001)), False),
        (Orders(cut=Cut(Ending.STALL, 1001, 1)), False),
        (Orders(upload_cut=1), False),
        (Orders(upload_cut=0), True),
        (Orders(kill=Kill.AFTER_ANSWER), False),
        (Orders(carried_out=0, cut=Cut(Ending.CLOSE, 5)), True),
    ],
)
def test_orders_that_made_no_difference_are_known(orders: Orders, effective: bool) -> None:
    noticed: list[bool] = []
    watched = Orders(
        orders.carried_out,
        orders.refusal,
        cut=orders.cut,
        upload_cut=orders.upload_cut,
        rate=orders.rate,
        kill=orders.kill,
        lost=orders.lost,
        took_effect=lambda: noticed.append(True),
    )
    with connection() as ends:
        obeyed(ends, watched) if effective else answer(
            Outlet(watched, line_to(ends[0], Pauses()), Pauses()), HEAD, BODY
        )
    assert noticed == [True] * effective


@pytest.mark.verifies("faults.wrong-headers")
def test_headers_are_replaced_removed_and_added_whatever_their_case() -> None:
    headers = {"Content-Length": "5", "ETag": '"a"', "Date": "today"}
    changed = edited(headers, {"content-length": "7", "etag": None, "X-New": "1", "X-Absent": None})
    assert list(changed.items()) == [("Content-Length", "7"), ("Date", "today"), ("X-New", "1")]
    assert headers["ETag"] == '"a"'
