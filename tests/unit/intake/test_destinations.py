"""Which addresses may be asked at all, before and after their names are resolved."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from services.intake.shell.destinations import (
    ANYWHERE,
    Forbidden,
    PublicResolver,
    destination,
    is_public,
)

SLACK = ("slack.com", ".slack.com")
SIMULATOR = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("url", "hosts", "origin"),
    [
        ("https://files.slack.com/a%2Fb?c=d%20e", SLACK, "https://files.slack.com"),
        ("https://slack.com", SLACK, "https://slack.com"),
        ("HTTPS://Files.SLACK.com:443/x", SLACK, "https://files.slack.com"),
        ("https://files.slack.com/x#part", SLACK, "https://files.slack.com"),
        ("https://files.example-1.co/x", (ANYWHERE,), "https://files.example-1.co"),
        ("https://xn--bcher-kva.example/x", (ANYWHERE,), "https://xn--bcher-kva.example"),
        (f"{SIMULATOR}/x", (*SLACK, SIMULATOR), SIMULATOR),
        (f"{SIMULATOR}?x", (SIMULATOR,), SIMULATOR),
    ],
)
def test_an_address_within_its_hosts_is_taken(
    url: str, hosts: tuple[str, ...], origin: str
) -> None:
    found = destination(url, hosts)
    assert (found.origin, found.configured) == (origin, origin == SIMULATOR)


def test_an_address_is_asked_for_as_it_is_written() -> None:
    """It may be signed: what is quoted in another way would not be known."""
    signed = "https://scontent.xx.fbcdn.net/v/a%2Fb_n.jpg?_nc_cat=1&oh=03_Q7c%2B&oe=6~A!"
    assert str(destination(signed, (".fbcdn.net",)).url) == signed


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://evilslack.com/", "host_not_allowed"),
        ("https://slack.com.evil.example/", "host_not_allowed"),
        ("https://files.slack.com.", "host_not_allowed"),
        ("https://files.slack.com:8443/", "port_not_allowed"),
        ("https://files.slack.com:0/", "port_not_allowed"),
        ("http://files.slack.com/", "url_not_allowed"),
        ("https://evil.example@files.slack.com/", "url_not_allowed"),
        ("https://files.slack.com\\@evil.example/", "url_not_allowed"),
        ("https://files.slack.com\t.evil.example/", "url_not_allowed"),
        ("https://evil.example#@files.slack.com/", "host_not_allowed"),
        ("https://evil.example?@files.slack.com/", "host_not_allowed"),
        ("https://ſlack.com/", "url_not_allowed"),
        ("//files.slack.com/", "url_not_allowed"),
        ("files.slack.com", "url_not_allowed"),
        ("", "url_not_allowed"),
        ("https://files.slack.com/" + "a" * 9000, "url_too_long"),
        (f"{SIMULATOR}/x", "url_not_allowed"),
    ],
)
def test_an_address_outside_of_its_hosts_is_not(url: str, reason: str) -> None:
    with pytest.raises(Forbidden) as refused:
        destination(url, SLACK)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "url", [f"{SIMULATOR}@evil.example/", f"{SIMULATOR}1/", f"{SIMULATOR}.evil.example/"]
)
def test_an_origin_of_the_settings_is_itself_only(url: str) -> None:
    with pytest.raises(Forbidden):
        destination(url, (SIMULATOR,))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "a.b1.2",
    ],
)
def test_a_number_is_no_name_however_it_is_written(host: str) -> None:
    with pytest.raises(Forbidden):
        destination(f"https://{host}/", (ANYWHERE, host))


@given(st.text(alphabet="htps:/.@#?\\a1[]%0x \t\n\u3002\uff0e", max_size=40))
def test_whatever_is_taken_names_an_allowed_host(tail: str) -> None:
    try:
        found = destination(f"https://{tail}", (".a",))
    except Forbidden:
        return
    assert (found.url.raw_host or "").endswith(".a")
    assert (found.url.scheme, found.url.port, found.url.raw_user) == ("https", 443, None)


PRIVATE = """\
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.255 168.63.129.16 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1
198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b:1::7f00:1 100::1 2001::1 2001:0:7f00:1::1 2001:db8::1 2001:10::1
2002:7f00:1:: 2002:a00:1::1 2620:4f:8000::1 3fff::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0
fec0::1 ff02::1 5f00::1
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_an_address_that_is_not_anybodys_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2a00:1450::1", "2606:4700::1111"])
def test_an_address_that_is_anybodys_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "1.2.3.4.5", "8.8.8.8\n"])
def test_what_is_no_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_whatever_python_calls_private_is_not_public(number: int) -> None:
    v4 = IPv4Address(number)
    if not v4.is_global or v4.is_multicast:
        assert not is_public(str(v4))
    mapped = IPv6Address(f"::ffff:{v4}")
    assert not is_public(str(mapped))
    assert not is_public(str(IPv6Address((0x2002 << 112) | (number << 80))))
    assert not is_public(str(ip_address("64:ff9b::") + number))


class Answering(AbstractResolver):
    """A resolver with one answer."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def test_one_private_address_among_public_ones_is_enough() -> None:
    assert len(await PublicResolver(Answering("8.8.8.8", "2a00:1450::1")).resolve("a.example")) == 2
    with pytest.raises(Forbidden) as refused:
        await PublicResolver(Answering("8.8.8.8", "10.0.0.1")).resolve("a.example")
    assert refused.value.reason == "address_not_public"
