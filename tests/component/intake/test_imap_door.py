"""Mailboxes on a real IMAP server: what comes in is taken once, whatever breaks in between."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.intake.shell.mailroom import imap_door, imap_mailbox
from tests.component.intake.imap_desk import EVERY_SECONDS, Desk, account_at, door_of
from tests.support import certificates, pymap
from tests.support.pymap import HOST, ImapServer
from tests.support.waiting import until
from tests.unit.intake.mailboxes import raw_mail


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_door, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(imap_door, "BACKOFF_SECONDS_MAX", EVERY_SECONDS)
    monkeypatch.setattr(imap_door, "DRAIN_SECONDS", 1.0)


@pytest.fixture(scope="module")
def building() -> Iterator[ImapServer]:
    with pymap.running() as opened:
        yield opened


@pytest.fixture
def server(building: ImapServer) -> ImapServer:
    return building.with_folder(uuid4().hex)


def mail(number: int, **named: str) -> bytes:
    return raw_mail(Message_ID=f"<{number}@example.org>", text=f"mail {number}", **named)


async def test_a_mail_is_taken_then_marked(server: ImapServer) -> None:
    server.deliver(mail(1))
    desk = Desk(account_at(server))
    async with door_of(desk):
        await until(lambda: desk.texts() == ["mail 1"], what="the mail")
        await until(lambda: server.unseen() == 0, what="the mark")
        server.deliver(mail(2))
        await until(lambda: desk.texts() == ["mail 1", "mail 2"], what="the next mail")
        await desk.polled(2)
    assert desk.texts() == ["mail 1", "mail 2"]
    assert set(desk.errors) == {""}
    assert server.count() == 2


async def test_what_was_read_before_us_is_left_alone_and_what_comes_after_is_not(
    server: ImapServer,
) -> None:
    server.deliver(mail(1), seen=True)
    desk = Desk(account_at(server))
    async with door_of(desk):
        await desk.polled()
        assert desk.texts() == []
        server.deliver(mail(2), seen=True)  # a person was quicker than we
        await until(lambda: desk.texts() == ["mail 2"], what="the mail")


async def test_what_is_not_taken_stays_unread_and_comes_again(server: ImapServer) -> None:
    server.deliver(mail(1))
    server.deliver(mail(2))
    desk = Desk(account_at(server), bus_is_away=True)
    async with door_of(desk):
        await desk.polled(2)
        assert set(desk.errors) == {"not_taken"}
        assert (server.unseen(), desk.place) == (2, (0, 0))
        desk.bus_is_away = False
        await until(lambda: desk.texts() == ["mail 1", "mail 2"], what="both")
        await until(lambda: server.unseen() == 0, what="the marks")
        await until(lambda: desk.failures == 0, what="a good end")


async def test_between_two_mails_our_place_is_kept(server: ImapServer) -> None:
    desk = Desk(account_at(server))
    async with door_of(desk):
        await desk.polled()
        validity, _ = desk.place
    assert validity > 0
    for number in (1, 2, 3):
        server.deliver(mail(number))
    desk.hold, desk.holder = asyncio.Event(), ""  # whatever lease there was has ended
    async with door_of(desk) as door:
        await until(lambda: desk.taking == 1, what="the first mail")
        stopping = asyncio.ensure_future(door.stop())
        await until(lambda: door._stopping, what="the end")
        desk.hold.set()
        await stopping
    assert desk.texts() == ["mail 1"]
    assert (server.unseen(), desk.place[1] > 0) == (2, True)
    desk.holder = ""
    async with door_of(desk):
        await until(lambda: len(desk.published) == 3, what="the others")
    assert desk.texts() == ["mail 1", "mail 2", "mail 3"]


async def test_a_crash_before_the_mark_makes_the_same_message_of_it_again(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.deliver(mail(1))
    desk = Desk(account_at(server))

    def crash(*_: Any) -> bool:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(imap_mailbox.Mailbox, "settle", crash)
        async with door_of(desk):
            await until(lambda: len(desk.published) >= 2, what="the mail, twice")
    desk.holder = ""
    async with door_of(desk):
        await until(lambda: server.unseen() == 0, what="the mark")
    assert len({each.inbound_message.message_id for each in desk.published}) == 1


async def test_with_another_validity_what_is_unread_counts(server: ImapServer) -> None:
    """RFC 9051, 2.3.1.1: UIDs of another validity name other mails."""
    server.deliver(mail(1), seen=True)
    server.deliver(mail(2))
    desk = Desk(account_at(server), place=(7, 4_000_000_000))
    async with door_of(desk):
        await until(lambda: desk.place[0] not in {0, 7}, what="our place")
    assert desk.texts() == ["mail 2"]


async def test_a_mail_is_moved_where_the_account_says(server: ImapServer) -> None:
    taken = server.with_folder(uuid4().hex)
    server.deliver(mail(1))
    desk = Desk(account_at(server, processed_folder=taken.folder))
    async with door_of(desk):
        await until(lambda: taken.count() == 1, what="the move")
    assert (desk.texts(), server.count()) == (["mail 1"], 0)


async def test_a_folder_that_is_not_there_holds_nothing_up(server: ImapServer) -> None:
    server.deliver(mail(1))
    server.deliver(mail(2))
    desk = Desk(account_at(server, processed_folder="Nowhere"))
    async with door_of(desk):
        await desk.polled(2)
    assert (desk.texts(), set(desk.errors)) == (["mail 1", "mail 2"], {""})


async def test_what_is_too_large_or_unreadable_is_counted_and_passed(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_mailbox, "MAIL_BYTES_MAX", 20_000)
    server.deliver(raw_mail(text="x" * 70 + "\r\n" * 20_000))
    server.deliver(b"X: y\r\n" * 1_100 + b"\r\nx\r\n")
    server.deliver(mail(3))
    desk = Desk(account_at(server))
    async with door_of(desk):
        await until(lambda: desk.texts() == ["mail 3"], what="the mail behind them")
    assert len(desk.unread) == 1


async def test_without_another_folder_it_is_the_inbox(building: ImapServer) -> None:
    building.deliver(mail(1))
    desk = Desk(account_at(building, mailbox=""))
    async with door_of(desk):
        await until(desk.texts, what="the mail")
    assert desk.texts() == ["mail 1"]


WRONG = {
    "login_refused": lambda found: replace(found, secrets={"password": ("wrong",)}),
    "server_failed": lambda found: replace(found, settings={**found.settings, "port": "1"}),
    "host_missing": lambda found: replace(found, settings={**found.settings, "host": " "}),
    "port_wrong": lambda found: replace(found, settings={**found.settings, "port": "70000"}),
    "tls_wrong": lambda found: replace(found, settings={**found.settings, "tls": "maybe"}),
    "account_disabled": lambda found: replace(found, enabled=False),
}


@pytest.mark.parametrize(("reason", "wrong"), WRONG.items(), ids=WRONG)
async def test_whatever_is_wrong_is_said_and_tried_again_later(
    server: ImapServer, reason: str, wrong: Any
) -> None:
    desk = Desk(wrong(account_at(server)))
    async with door_of(desk):
        await desk.polled(2)
    assert set(desk.errors) == {reason}
    assert desk.failures == len(desk.errors)


async def test_a_mailbox_that_is_not_there_fails(server: ImapServer) -> None:
    desk = Desk(account_at(server, mailbox="Nowhere"))
    async with door_of(desk):
        await desk.polled()
    assert set(desk.errors) == {"server_failed"}


async def test_nothing_but_what_is_listed_is_reached_in_private_networks(
    server: ImapServer,
) -> None:
    for networks in ((), (ip_network("10.0.0.0/8"),)):
        desk = Desk(account_at(server))
        async with door_of(desk, networks):
            await desk.polled()
        assert set(desk.errors) == {"address_not_public"}
    public = Desk(account_at(143, host="192.0.9.1"))
    async with door_of(public, ()):
        await public.polled()
    assert set(public.errors) == {"tls_required"}


async def test_a_lease_that_is_lost_ends_the_reading(server: ImapServer) -> None:
    server.deliver(mail(1))
    server.deliver(mail(2))
    desk = Desk(account_at(server), hold=asyncio.Event())
    assert desk.hold is not None
    async with door_of(desk):
        await until(lambda: desk.taking == 1, what="the first mail")
        desk.holder = "another process"
        desk.hold.set()
        await until(lambda: desk.errors == ["lease_lost"], what="the end")
    assert desk.texts() == ["mail 1"]


async def test_it_waits_while_postgres_is_away(server: ImapServer) -> None:
    server.deliver(mail(1))
    desk = Desk(account_at(server), leases_are_away=True)
    async with door_of(desk):
        await until(lambda: desk.claims > 2, what="some patience")
        assert desk.errors == []
        desk.leases_are_away = False
        await until(lambda: desk.texts() == ["mail 1"], what="the mail")


async def test_a_server_that_falls_silent_does_not_hold_up_the_end() -> None:
    taken: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)
        writer.write(b"* OK hello\r\n")
        await reader.read(1)

    listening = await asyncio.start_server(silent, HOST, 0)
    desk = Desk(account_at(listening.sockets[0].getsockname()[1]))
    async with door_of(desk):
        await until(lambda: taken, what="a connection")
    assert desk.errors in ([], ["server_failed"])
    for writer in taken:
        writer.close()
    listening.close()


async def test_tls_is_spoken_and_certificates_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificates.made(tmp_path)
    with pymap.running(certificate) as server:
        async with _tls_before(server, certificate) as port:
            by_command = account_at(server, tls="starttls")
            from_the_start = account_at(port, tls="implicit")
            for number, account in ((1, by_command), (2, from_the_start)):
                server.deliver(mail(number))
                stranger, desk = Desk(account), Desk(account)
                async with door_of(stranger):
                    await stranger.polled()
                assert (set(stranger.errors), stranger.texts()) == ({"server_failed"}, [])
                with monkeypatch.context() as trusting:
                    trusting.setenv("SSL_CERT_FILE", str(certificate.certificate))
                    async with door_of(desk):
                        await until(desk.texts, what="the mail")
                        await until(lambda: server.unseen() == 0, what="the mark")
                assert desk.texts() == [f"mail {number}"]


@asynccontextmanager
async def _tls_before(
    server: ImapServer, certificate: certificates.Certificate
) -> AsyncIterator[int]:
    """The same server with TLS from the start."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, server.port)
        await asyncio.gather(
            pump(reader, inner_writer), pump(inner_reader, writer), return_exceptions=True
        )

    listening = await asyncio.start_server(serve, HOST, 0, ssl=context)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
