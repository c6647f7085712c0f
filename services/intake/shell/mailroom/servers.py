"""Mail servers that accounts name, and which of them may be connected to.

Whoever may write accounts must not reach by them what only this process can reach. So every address
of a host must be a public one, or in a network that the installation lists; what was checked is
what is connected to; and without TLS nothing leaves for a public address.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from services.intake.shell.destinations import Forbidden, is_public

Network = IPv4Network | IPv6Network
HOST_CHARACTERS_MAX: Final = 253
RESOLVE_SECONDS: Final = 3.0


class Tls(StrEnum):
    """When TLS begins: with the connection, by a command, or never."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mail server is."""

    host: str
    port: int
    tls: Tls


def server_of(settings: Mapping[str, str], *, prefix: str, port: int, tls: Tls) -> Server:
    """As an account's settings name it, `port` and `tls` where they do not. Raises `Forbidden`."""
    host = settings.get(f"{prefix}host", "").strip()
    stated_port, stated_tls = settings.get(f"{prefix}port", ""), settings.get(f"{prefix}tls", "")
    if not host or len(host) > HOST_CHARACTERS_MAX:
        raise Forbidden("host_missing")
    if stated_port and not (stated_port.isdecimal() and 0 < int(stated_port[:6]) < 1 << 16):
        raise Forbidden("port_wrong")
    if stated_tls and stated_tls not in set(Tls):
        raise Forbidden("tls_wrong")
    return Server(host, int(stated_port or port), Tls(stated_tls or tls))


async def address_of(server: Server, networks: tuple[Network, ...]) -> str:
    """The IP address to connect to. Raises `Forbidden`, or `OSError` where there is none now."""
    async with asyncio.timeout(RESOLVE_SECONDS):
        found = await asyncio.get_running_loop().getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM
        )
    addresses = [str(each[4][0]).partition("%")[0] for each in found]
    for address in addresses:
        if not is_public(address) and not _is_listed(address, networks):
            raise Forbidden("address_not_public")
        if is_public(address) and server.tls is Tls.NONE:
            raise Forbidden("tls_required")
    return addresses[0]


def _is_listed(address: str, networks: tuple[Network, ...]) -> bool:
    return any(ip_address(address) in network for network in networks)
