"""No address that comes from outside leads a fetch where it must not go.

Every name of the corpus resolves to the sentinel, as the DNS of an attacker would have it; the
first test shows that it is reached where nobody checks.
"""

from __future__ import annotations

import pytest

from services.intake.shell import destinations
from services.intake.shell.destinations import ANYWHERE, Forbidden
from services.intake.shell.fetching import Unfetchable
from tests.component.intake.sentinel import World, get, redirecting, serving
from tests.support.waiting import until

PUBLIC = "8.8.8.8"  # never connected to: see `Sockets`

# `{port}` is the sentinel's.
CORPUS = r"""\
http://127.0.0.1:{port}/
https://127.0.0.1:{port}/
https://127.0.0.1/
https://127.0.0.1:443/
https://127.1/
https://127.0.1/
https://2130706433/
https://0x7f000001/
https://0x7f.0x0.0x0.0x1/
https://0x7F.1/
https://017700000001/
https://0177.0.0.01/
https://00000177.0.0.1/
https://127.0.0.1./
https://0/
https://0.0.0.0/
https://0.0.0.0:{port}/
https://[::1]:{port}/
https://[::1]/
https://[::]/
https://[0:0:0:0:0:0:0:1]/
https://[::ffff:127.0.0.1]/
https://[::ffff:7f00:1]/
https://[0:0:0:0:0:ffff:127.0.0.1]/
https://[64:ff9b::7f00:1]/
https://[2002:7f00:1::]/
https://[fe80::1%25lo]/
https://[fd00:ec2::254]/
https://localhost/
https://localhost:{port}/
https://LOCALHOST/
https://localhost.localdomain/
https://ip6-localhost/
https://a.localhost/
https://metadata/
https://metadata.google.internal/computeMetadata/v1/
https://169.254.169.254/latest/meta-data/
https://2852039166/latest/meta-data/
https://0xa9fea9fe/
https://0251.0376.0251.0376/
https://instance-data/latest/
https://10.0.0.1/
https://192.168.0.1/
https://172.16.0.1/
https://100.100.100.200/
https://168.63.129.16/
https://kubernetes.default.svc.cluster.local/
https://kubernetes.default.svc/
https://127.0.0.1.nip.io/
https://7f000001.nip.io/
https://attacker.example/
https://attacker.example:{port}/
https://attacker.example:80/
https://attacker.example:22/
https://files.slack.com:{port}/
https://files.slack.com@127.0.0.1:{port}/
https://files.slack.com:443@127.0.0.1:{port}/
https://files.slack.com%40127.0.0.1:{port}/
https://files.slack.com%2f@127.0.0.1:{port}/
https://files.slack.com\@127.0.0.1:{port}/
https://files.slack.com\.attacker.example/
https://127.0.0.1:{port}\@files.slack.com/
https://127.0.0.1:{port}#@files.slack.com/
https://127.0.0.1:{port}?@files.slack.com/
https://127.0.0.1:{port}/@files.slack.com/
https://user:secret@files.slack.com/
https://@files.slack.com/
https://:@files.slack.com/
https://files.slack.com./
https://files.slack.com.attacker.example/
https://attackerfiles.slack.com.example/
https://127。0。0。1/
https://①②⑦.⓪.⓪.①/
https://ｌｏｃａｌｈｏｓｔ/
https://ⓁⓄⒸⒶⓁⒽⓄⓈⓉ:{port}/
https://127.0.0.1%00.files.slack.com/
https://127.0.0.1%0d%0a.files.slack.com/
https://files.slack.com%00.attacker.example/
https:///127.0.0.1:{port}/
https:127.0.0.1:{port}/
https:/127.0.0.1:{port}/
//127.0.0.1:{port}/
/\127.0.0.1:{port}/
ftp://127.0.0.1:{port}/
file:///etc/passwd
gopher://127.0.0.1:{port}/_x
dict://127.0.0.1:{port}/
ws://127.0.0.1:{port}/
wss://127.0.0.1:{port}/
unix:///var/run/docker.sock
data:text/plain,hello
jar:https://127.0.0.1:{port}!/
view-source:https://127.0.0.1:{port}/
http://files.slack.com/
http://files.slack.com:443/
https://files.slack.com:00443@127.0.0.1/
https://files.slack.com:-1/
https://files.slack.com:443443/
https://files.slack.com:/
""".splitlines()
ODD = [
    "https://files.slack.com\t@127.0.0.1:{port}/",
    "https://files.slack.com\r\nHost: x/",
    "https://127.0.0.1:{port} .files.slack.com/",
    "\x00https://127.0.0.1:{port}/",
    " https://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/\n",
    "",
]
SLACK = ("files.slack.com", ".slack.com")


@pytest.fixture
def world() -> World:
    return World()


async def test_where_nobody_checks_the_sentinel_is_reached(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, "is_public", lambda _: True)
    async with world.fetching() as fetcher:
        with pytest.raises(Unfetchable):
            await get(fetcher, "https://attacker.example/", ANYWHERE)
        await until(lambda: world.sentinel.connects, what="a connection")
    assert world.sentinel.connects == 1


@pytest.mark.parametrize(
    "hosts", [(ANYWHERE,), SLACK, (ANYWHERE, *SLACK, "127.0.0.1", "localhost")]
)
async def test_no_address_of_the_corpus_leads_to_the_sentinel(
    world: World, hosts: tuple[str, ...]
) -> None:
    assert len(CORPUS) + len(ODD) >= 100
    async with world.fetching() as fetcher:
        for pattern in (*CORPUS, *ODD):
            url = pattern.replace("{port}", str(world.sentinel.port))
            with pytest.raises(Forbidden):
                await get(fetcher, url, *hosts)
    assert (world.sentinel.connects, world.sockets.wanted) == (0, [])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "fd00::1"],
)
async def test_an_allowed_name_that_resolves_to_a_private_address_is_not_connected_to(
    world: World, address: str
) -> None:
    world.names.answers = iter([address])
    async with world.fetching() as fetcher:
        with pytest.raises(Forbidden, match="address_not_public"):
            await get(fetcher, "https://files.slack.com/x", *SLACK)
    assert (world.sentinel.connects, world.sockets.wanted) == (0, [])


async def test_a_name_that_changes_its_mind_is_connected_to_as_it_was_checked(
    world: World,
) -> None:
    """DNS rebinding: the first answer is public, the next one is ours."""
    world.names.answers = iter([PUBLIC, "127.0.0.1", PUBLIC, "127.0.0.1"])
    async with world.fetching() as fetcher:
        for _ in range(2):
            with pytest.raises(Unfetchable, match="ClientConnectorError"):
                await get(fetcher, "https://rebind.example/x", ANYWHERE)
            with pytest.raises(Forbidden, match="address_not_public"):
                await get(fetcher, "https://rebind.example/x", ANYWHERE)
    assert world.names.asked == ["rebind.example"] * 4  # once a connection, and never besides
    assert world.sockets.wanted == [PUBLIC] * 2
    assert world.sentinel.connects == 0


@pytest.mark.parametrize(
    "location",
    [
        "https://attacker.example/",
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "https://[::1]:{port}/",
        "https://user@files.slack.com/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_redirect_is_checked_like_any_address(world: World, location: str) -> None:
    async with world.fetching() as fetcher, serving() as (provider, origin):
        where = location.replace("{port}", str(world.sentinel.port))
        provider.handler = redirecting(where)
        with pytest.raises(Forbidden):
            await get(fetcher, f"{origin}/x", ANYWHERE, origin)
    assert world.sentinel.connects == 0
    assert "127.0.0.1" not in world.names.asked
