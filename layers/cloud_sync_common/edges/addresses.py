"""Where a name may lead: looked up once, and exactly the addresses that were checked are connected to.

A second look-up could bring in another address (DNS rebinding). Sources: OWASP, Server Side Request Forgery Prevention
Cheat Sheet.
"""

from __future__ import annotations

import socket

from cloud_sync_common.rules.urls import is_loopback_host, is_public_address

MOST_ADDRESSES = 16
"""Addresses of one name that are tried: each may take the whole connect time-out."""


class ForbiddenAddress(Exception):
    """A name leads to no address of the public internet; the message shows the name and nothing else of the URL."""

    def __init__(self, name: str) -> None:
        super().__init__(f"host {name} leads to no public address; nothing was sent")


def permitted_addresses(name: str, port: int) -> list[str]:
    """The public addresses of a name, IPv6 and IPv4, in the resolver's order; this machine's own if it names that.

    Empty if it has none of these. Raises ``OSError`` or ``UnicodeError`` for a name that cannot be looked up.
    """
    found = socket.getaddrinfo(name.strip("[]"), port, type=socket.SOCK_STREAM)
    is_good = is_loopback_host if is_loopback_host(name.strip("[]")) else is_public_address
    addresses = (str(entry[4][0]) for entry in found)
    return [address for address in dict.fromkeys(addresses) if is_good(address)][:MOST_ADDRESSES]
