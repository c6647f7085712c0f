"""The SMTP door on a real socket: what a relay is told, and what is taken when it is told 250."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import uvloop
from google.protobuf.message import Message

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import SystemClock
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account
from services.intake.core.blobs import reference_of
from services.intake.metrics import IntakeMetrics
from services.intake.shell.accounts import AccountBook, AddressBook
from services.intake.shell.filing import Filing
from services.intake.shell.mailroom.opening import MailOpener
from services.intake.shell.mailroom.smtp_door import Doorway, SmtpDoor
from services.intake.shell.mailroom.smtp_session import RECIPIENTS_MAX
from services.intake.shell.reception import Reception
from tests.support import certificates
from tests.support.memory_blobs import MemoryBlobs
from tests.support.waiting import until
from tests.unit.intake.mailboxes import GRETE, MESSAGE_ID, OURS, mailbox, raw_mail
from tests.unit.intake.mailroom.reading import Reader

HOST = "127.0.0.1"
OTHERS = "sales@desk.example"
ACCOUNTS = {
    OURS: mailbox(settings={"aliases": "service@desk.example"}),
    OTHERS: mailbox(account_id="mail-sales", address=OTHERS, tenant_id="globex"),
    "off@desk.example": mailbox(account_id="off", address="off@desk.example", enabled=False),
}
DOORWAY = Doorway(HOST, 0, (ip_network("127.0.0.0/8"),), 3, 10_000)


@dataclass
class Around:
    """A bus, a store and accounts that can be away."""

    bus_is_away: bool = False
    bus_is_broken: bool = False
    accounts_are_away: bool = False
    hold: asyncio.Event | None = None
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    published: list[Any] = field(default_factory=list)

    async def publish(self, topic: str, key: str, message: Message) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.bus_is_broken:
            raise RuntimeError("a bug of ours")
        if self.bus_is_away:
            raise BusUnavailable("away")
        self.published.append(message)

    async def id_at(self, address: str) -> str | None:
        if self.accounts_are_away:
            raise StoreUnavailable("away")
        known = {**ACCOUNTS, "service@desk.example": ACCOUNTS[OURS]}
        return known[address].account_id if address in known else None

    async def read(self, account_id: str) -> Account | None:
        return next(each for each in ACCOUNTS.values() if each.account_id == account_id)

    async def park(self, account: Account, raw: bytes, reason: str) -> str:
        return reference_of(await self.blobs.put(account.tenant_id, raw))


@dataclass
class Street:
    """An open door."""

    around: Around
    door: SmtpDoor
    catalogue: Catalogue

    @asynccontextmanager
    async def relay(self, **options: Any) -> AsyncIterator[aiosmtplib.SMTP]:
        """A mail server that has connected."""
        client = aiosmtplib.SMTP(
            hostname=HOST, port=self.door.port, start_tls=False, timeout=10, **options
        )
        await client.connect()
        try:
            yield client
        finally:
            client.close()

    async def told(self, raw: bytes, *recipients: str, sender: str = GRETE) -> tuple[int, str]:
        """What a relay is told in the end."""
        async with self.relay() as relay:
            try:
                _, text = await relay.sendmail(sender, recipients, raw)
            except aiosmtplib.SMTPRecipientsRefused as refused:
                return refused.recipients[0].code, refused.recipients[0].message
            except aiosmtplib.SMTPResponseException as error:
                return error.code, error.message
            return 250, text

    def counted(self) -> dict[str, float]:
        body, _ = self.catalogue.exposition("")
        lines = [
            x for x in body.decode().splitlines() if x.startswith("intake_smtp_replies_total{")
        ]
        return {line.split('code="')[1][:3]: float(line.rpartition(" ")[2]) for line in lines}


@asynccontextmanager
async def street_of(doorway: Doorway = DOORWAY) -> AsyncIterator[Street]:
    around, clock, catalogue = Around(), SystemClock(), Catalogue("intake")
    metrics = IntakeMetrics(catalogue, clock)
    reception = Reception(
        bus=around,
        clock=clock,
        metrics=metrics,
        opener=MailOpener(Reader(), around),
        filing=Filing(around.blobs),
    )
    addresses = AddressBook(around, AccountBook(around))
    door = SmtpDoor(
        doorway, addresses=addresses, reception=reception, clock=clock, metrics=metrics.mail
    )
    await door.start()
    yield Street(around, door, catalogue)
    await door.stop()


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with street_of() as opened:
        yield opened


async def test_what_is_told_taken_is_published(street: Street) -> None:
    assert await street.told(raw_mail(), OURS) == (250, "2.0.0 taken")
    (said,) = street.around.published
    message = said.inbound_message
    assert (message.from_address, message.to_address, message.text) == (
        GRETE,
        OURS,
        "Where is my parcel?",
    )
    assert message.provider_message_id == MESSAGE_ID
    (kept,) = street.around.blobs.held.values()
    assert kept == f"Return-Path: <{GRETE}>\r\n".encode() + raw_mail()
    assert street.counted() == {"250": 1}


async def test_a_dot_and_bytes_of_any_kind_pass(street: Street) -> None:
    body = ".\r\n..x\r\n.Grüße\r\n" + "long " * 5_000 + "\r\n"
    street.around.blobs.held.clear()
    async with street_of(replace(DOORWAY, mail_bytes_max=100_000)) as wide:
        assert (await wide.told(raw_mail(text=body), OURS))[0] == 250
        (kept,) = wide.around.blobs.held.values()
        assert kept.endswith(raw_mail(text=body))


async def test_every_account_has_the_mail_and_its_own_recipients_once(street: Street) -> None:
    recipients = [OURS, "service@desk.example", "help+tag@desk.example", OTHERS.upper()]
    assert (await street.told(raw_mail(), *recipients))[0] == 250
    found = [(each.tenant_id, each.inbound_message.account_id) for each in street.around.published]
    assert found == [("acme", "mail-berlin"), ("globex", "mail-sales")]


async def test_the_null_sender_is_a_report(street: Street) -> None:
    """RFC 5321, 4.5.5."""
    assert (await street.told(raw_mail(), OURS, sender=""))[0] == 250
    assert street.around.published[0].inbound_message.automatic == "bounce"


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("nobody@desk.example", (550, "5.1.1 no such mailbox")),
        ("nobody+tag@desk.example", (550, "5.1.1 no such mailbox")),
        ("off@desk.example", (550, "5.1.1 no such mailbox")),
        ("no mailbox", (553, "5.1.3 not a mailbox")),
    ],
)
async def test_nobodys_mail_goes_back_at_once(street: Street, address: str, reply: Any) -> None:
    assert await street.told(raw_mail(), address) == reply
    assert street.around.published == []
    assert street.counted() == {str(reply[0]): 1}


async def test_of_several_recipients_the_known_ones_are_served(street: Street) -> None:
    async with street.relay() as relay:
        refused, _ = await relay.sendmail(GRETE, ["nobody@desk.example", OURS], raw_mail())
    assert {address: code for address, (code, _) in refused.items()} == {"nobody@desk.example": 550}
    assert len(street.around.published) == 1


async def test_nobody_is_told_unknown_while_accounts_cannot_be_read(street: Street) -> None:
    street.around.accounts_are_away = True
    assert (await street.told(raw_mail(), OURS))[0] == 451


async def test_what_is_not_durable_is_to_come_again(street: Street) -> None:
    street.around.bus_is_away = True
    assert await street.told(raw_mail(), OURS) == (451, "4.3.0 not taken, try again")
    street.around.bus_is_away, street.around.blobs.away = False, 1
    assert (await street.told(raw_mail(), OURS))[0] == 451
    assert (await street.told(raw_mail(), OURS))[0] == 250
    assert len(street.around.published) == 1
    assert street.counted() == {"451": 2, "250": 1}


async def test_a_bug_of_ours_gives_no_mail_back(street: Street) -> None:
    street.around.bus_is_broken = True
    assert (await street.told(raw_mail(), OURS))[0] == 451


async def test_an_unreadable_mail_is_taken_and_set_aside(street: Street) -> None:
    raw = b"X: y\r\n" * 1_100 + b"\r\nx\r\n"
    assert (await street.told(raw, OURS))[0] == 250
    ((_, digest),) = street.around.blobs.held
    (said,) = street.around.published
    assert said.parked_item.kind == "unreadable_mail"
    assert reference_of(digest) in said.parked_item.payload.decode()


async def test_what_is_too_large_is_refused_for_good(street: Street) -> None:
    large = raw_mail(text="x" * 70 + "\r\n" * 6_000)
    async with street.relay() as relay:
        await relay.ehlo()
        assert relay.esmtp_extensions["size"] == "10000"
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as announced:
            await relay.mail(GRETE, options=["SIZE=10001"])
        assert announced.value.code == 552
        await relay.mail(GRETE)
        await relay.rcpt(OURS)
        with pytest.raises(aiosmtplib.SMTPDataError) as sent:
            await relay.data(large)
        assert sent.value.code == 552
        await relay.mail(GRETE)  # and the connection goes on
    assert street.around.published == []


async def test_a_crowd_of_recipients_comes_in_several_mails(street: Street) -> None:
    async with street.relay() as relay:
        await relay.ehlo()
        await relay.mail(GRETE)
        for number in range(RECIPIENTS_MAX):
            await relay.rcpt(f"help+{number}@desk.example")
        with pytest.raises(aiosmtplib.SMTPRecipientRefused) as refused:
            await relay.rcpt(OURS)
    assert refused.value.code == 452


async def test_strangers_are_sent_away() -> None:
    doorway = replace(DOORWAY, networks=(ip_network("10.0.0.0/8"),))
    async with street_of(doorway) as street:
        with pytest.raises(aiosmtplib.SMTPConnectResponseError) as refused:
            async with street.relay():
                pass
    assert refused.value.code == 554


async def test_whoever_is_one_too_many_is_to_come_again(street: Street) -> None:
    async with contextlib.AsyncExitStack() as relays:
        for _ in range(3):
            await relays.enter_async_context(street.relay())
        with pytest.raises(aiosmtplib.SMTPConnectResponseError) as refused:
            async with street.relay():
                pass
        assert refused.value.code == 421

    async def free() -> bool:
        with contextlib.suppress(aiosmtplib.SMTPException):
            return (await street.told(raw_mail(), OURS))[0] == 250
        return False

    await until(free, what="a free place")


async def test_whoever_trickles_is_hung_up_on() -> None:
    async with street_of(replace(DOORWAY, command_seconds=0.3)) as street:
        reader, writer = await asyncio.open_connection(HOST, street.door.port)
        writer.write(b"EHLO x\r\nMAIL FROM:<a@b.c>\r\n")
        async with asyncio.timeout(10):
            assert (await reader.read()).endswith(b"250 OK\r\n")
        writer.close()


async def test_nobody_logs_in_here(street: Street) -> None:
    async with street.relay() as relay:
        await relay.ehlo()
        assert not relay.supports_extension("auth")


async def test_a_mail_that_is_being_taken_is_answered_before_the_door_closes() -> None:
    async with street_of() as street:
        street.around.hold = asyncio.Event()
        sending = asyncio.ensure_future(street.told(raw_mail(), OURS))
        await until(lambda: street.door._taking == 1, what="a mail under way")
        stopping = asyncio.ensure_future(street.door.stop())
        await until(lambda: not _listens(street), what="a closed door")
        street.around.hold.set()
        assert (await sending)[0] == 250
        await stopping


def _listens(street: Street) -> bool:
    assert street.door._server is not None
    return street.door._server.is_serving()


def test_a_relay_may_speak_tls(tmp_path: Path) -> None:
    """On the loop that services run on: aiosmtpd puts its own TLS on top of its transport."""
    certificate = certificates.made(tmp_path)
    doorway = replace(DOORWAY, certificate=str(certificate.certificate), key=str(certificate.key))

    async def exchange() -> None:
        async with street_of(doorway) as street:
            async with street.relay() as relay:
                await relay.ehlo()
                assert relay.supports_extension("starttls")
                await relay.starttls(tls_context=certificate.trusted())
                await relay.sendmail(GRETE, [OURS], raw_mail())
                await relay.quit()
            assert len(street.around.published) == 1
            await until(lambda: not street.door._connections, what="no connection")

    uvloop.run(exchange())
