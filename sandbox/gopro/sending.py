"""Sending an answer's body: block by block, counted in the journal, past an outlet where orders are to be obeyed.

Memory does not depend on the size of a body: files are handed to the kernel (``sendfile``) where nothing disturbs them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import BinaryIO

from sandbox.gopro.journal import Exchange
from sandbox.gopro.messages import Blocks, Body, FileSlice
from sandbox.wire.outlet import Ended, Outlet

_Block = tuple[int, Callable[[int], int]]
"""Length of a block of a body, and what sends so many bytes of it and returns how many have left."""

_BLOCK_BYTES = 1024 * 1024


class BodySender:
    """Sends one body over one connection."""

    def __init__(self, connection: socket.socket, outlet: Outlet, exchange: Exchange) -> None:
        self._connection = connection
        self._outlet = outlet
        self._exchange = exchange

    def send(self, body: Body, cut_after: int | None) -> None:
        """Send until the end, the cut or a file that has become shorter, counting each block before it leaves.

        Raises ``Ended`` when the outlet's orders end the connection on the way.
        """
        if isinstance(body, FileSlice):
            with body.path.open("rb") as file:
                self._send_blocks(self._file_blocks(file, body), cut_after)
        else:
            made = body.made if isinstance(body, Blocks) else body
            blocks = [made] if isinstance(made, bytes) else made
            self._send_blocks(((len(block), self._sender(block)) for block in blocks), cut_after)

    def _send_blocks(self, blocks: Iterator[_Block], cut_after: int | None) -> None:
        for length, send in blocks:
            before, passed = self._exchange.bytes_sent, self._outlet.sent
            allowed = length if cut_after is None else min(length, cut_after - before)
            self._exchange.bytes_sent = before + allowed
            sent = 0
            try:
                sent = send(allowed)
            except Ended:
                sent = self._outlet.sent - passed
                raise
            finally:
                self._exchange.bytes_sent = before + sent
            if sent < length:
                return

    def _file_blocks(self, file: BinaryIO, part: FileSlice) -> Iterator[_Block]:
        end = part.start + part.length
        for offset in range(part.start, end, _BLOCK_BYTES):
            yield min(_BLOCK_BYTES, end - offset), self._file_sender(file, offset)

    def _file_sender(self, file: BinaryIO, offset: int) -> Callable[[int], int]:
        def send(length: int) -> int:
            if not self._outlet.steers_body:
                return self._connection.sendfile(file, offset, length) if length else 0
            block = os.pread(file.fileno(), length, offset)
            self._outlet.body(block)
            return len(block)

        return send

    def _sender(self, block: bytes) -> Callable[[int], int]:
        def send(length: int) -> int:
            self._outlet.body(block[:length])
            return length

        return send
