"""Where a request for a file may go, whoever named its address.

An address comes from outside: a customer, a program, a provider's webhook. So a host must be one of
those that its channel expects, under a name of the public DNS; whatever the name resolves to must
be a public address, all of it, each time a connection is made; and what was checked is what is
connected to, because the check is the connector's own resolver.

https://owasp.org/www-community/attacks/Server_Side_Request_Forgery
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

ANYWHERE: Final = "*"
PORT: Final = 443
URL_CHARACTERS_MAX: Final = 8192

_URL: Final = re.compile(
    r"(?P<scheme>https)://(?P<host>[a-z0-9.-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][\x21-\x5b\x5d-\x7e]*)?",  # no space, no backslash
    re.IGNORECASE | re.ASCII,
)
_NAME: Final = re.compile(  # a name, not a number however it is written: those end in a digit
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_V6_GLOBAL: Final = IPv6Network("2000::/3")
_V6_SPECIAL: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols, among them Teredo, which holds an IPv4 address
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which holds an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_V4_SPECIAL: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host, which answers virtual machines only
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
"""https://www.iana.org/assignments/iana-ipv4-special-registry and its sister for IPv6."""


class Forbidden(Exception):
    """It is not fetched, now or later. `reason` is for programs and holds no address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that may be asked. `configured`: an operator named its origin, public or not."""

    url: URL
    origin: str
    configured: bool = False


def destination(url: str, hosts: Collection[str]) -> Destination:
    """Check an address as it stands, before any name is resolved. Raises `Forbidden`.

    `hosts`: a name (`files.slack.com`), all names below one (`.fbcdn.net`), `ANYWHERE`, or the
    origin of an API from our settings (`http://simulator:8080`), which alone may be private, plain
    http or on another port.
    """
    if len(url) > URL_CHARACTERS_MAX:
        raise Forbidden("url_too_long")
    url = url.partition("#")[0]
    for entry in hosts:
        if "://" in entry and re.fullmatch(rf"{re.escape(entry)}([/?][\x21-\x7e]*)?", url):
            return Destination(URL(url, encoded=True), entry, configured=True)
    found = _URL.fullmatch(url)
    if found is None:
        raise Forbidden("url_not_allowed")
    host = found["host"].lower()
    if found["port"] not in {None, str(PORT)}:
        raise Forbidden("port_not_allowed")
    if not _NAME.fullmatch(host) or not any(_covers(entry, host) for entry in hosts):
        raise Forbidden("host_not_allowed")
    parsed = URL(f"https://{host}{found['rest'] or '/'}", encoded=True)
    if (parsed.raw_host, parsed.port, parsed.raw_user) != (host, PORT, None):
        raise Forbidden("url_not_allowed")  # the client would read it in another way than we do
    return Destination(parsed, f"https://{host}")


def is_public(address: str) -> bool:
    """Whether an IP address is anybody's to reach; False for what is no address."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _V4_SPECIAL)
    # Mapped, NAT64, unique local, link-local and multicast ones all lie outside of 2000::/3.
    return parsed in _V6_GLOBAL and not any(parsed in network for network in _V6_SPECIAL)


class PublicResolver(AbstractResolver):
    """Resolves for the connector, which connects to what it is given here and to nothing else."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of the host. Raises `Forbidden` where any of them is not public."""
        found = await self._inner.resolve(host, port, family)
        if not all(is_public(each["host"]) for each in found):
            raise Forbidden("address_not_public")
        return found

    async def close(self) -> None:
        """Let go of the resolver inside."""
        await self._inner.close()


def _covers(entry: str, host: str) -> bool:
    if entry == ANYWHERE:
        return True
    return host.endswith(entry) if entry.startswith(".") else host == entry
