"""The relay over SMTP, as any mail program talks to it: who may, what is kept, every fault."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from local import jsonl
from local.ports import LOOPBACK, free_ports
from local.simulator.account import Account
from local.simulator.app import Settings, build

LOGIN, PASSWORD = "desk@example.com", "the-password"
RELAYED = Account(
    "demo-mail",
    "mail",
    LOGIN,
    settings={"smtp_username": LOGIN},
    secrets={"smtp_password": PASSWORD},
)
PERSON = "grete@example.org"
TEXT = "Ihr Päckchen ist da.\n.\nEin Punkt allein 🎁"


@dataclass
class Relay:
    """The simulator's relay, and its admin doors."""

    port: int
    ledger: Path
    api: TestClient[web.Request, web.Application]

    def _send(self, password: str, people: tuple[str, ...]) -> None:
        with smtplib.SMTP(LOOPBACK, self.port, timeout=10) as session:
            if password:
                session.login(LOGIN, password)
            session.send_message(mail(), from_addr=LOGIN, to_addrs=people)

    async def send(self, password: str = PASSWORD, people: tuple[str, ...] = (PERSON,)) -> None:
        """Send one mail, each over a connection of its own."""
        await asyncio.to_thread(self._send, password, people)

    async def faults(self, **faults: float) -> None:
        async with self.api.put("/admin/faults/mail", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    def effects(self) -> list[dict[str, Any]]:
        return [each for each in jsonl.read(self.ledger) if each["kind"] == "accepted"]


def mail() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = LOGIN, PERSON, "Re: Päckchen"
    made["Message-ID"], made["References"] = "<d-1@example.com>", "<0@example.org>"
    made.set_content(TEXT)
    return made


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    (port,) = free_ports(1)
    settings = Settings(tmp_path / "provider.jsonl", (RELAYED,), smtp=(LOOPBACK, port))
    async with TestClient(TestServer(build(settings))) as api:
        yield Relay(port, settings.ledger, api)


async def test_a_mail_is_taken_with_its_text_and_its_thread(relay: Relay) -> None:
    await relay.send()
    [effect] = relay.effects()
    assert (effect["provider"], effect["account_id"]) == ("mail", "demo-mail")
    assert (effect["sender"], effect["recipient"]) == (LOGIN, PERSON)
    assert effect["body"] == TEXT
    assert effect["facts"]["Message-ID"] == "<d-1@example.com>"
    assert effect["facts"]["Subject"] == "Re: Päckchen"


async def test_each_recipient_gets_one(relay: Relay) -> None:
    await relay.send(people=(PERSON, "ottla@example.org"))
    assert [each["recipient"] for each in relay.effects()] == [PERSON, "ottla@example.org"]


@pytest.mark.parametrize(("password", "code"), [("", 530), ("wrong", 535)])
async def test_a_stranger_is_refused(relay: Relay, password: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        await relay.send(password)
    assert refused.value.smtp_code == code
    assert relay.effects() == []


@pytest.mark.parametrize(("fault", "code"), [("throttle", 450), ("error_before", 451)])
async def test_what_is_not_taken_may_be_sent_again(relay: Relay, fault: str, code: int) -> None:
    await relay.faults(**{fault: 1.0})
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await relay.send()
    assert (refused.value.smtp_code, relay.effects()) == (code, [])
    await relay.faults()
    await relay.send()
    assert len(relay.effects()) == 1


@pytest.mark.parametrize(
    ("fault", "effects"), [("drop_before", 0), ("drop_after", 1), ("error_after", 1)]
)
async def test_a_broken_connection_leaves_the_caller_in_doubt(
    relay: Relay, fault: str, effects: int
) -> None:
    await relay.faults(**{fault: 1.0})
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        await relay.send()
    assert len(relay.effects()) == effects


async def test_a_mailbox_that_does_not_exist_is_refused(relay: Relay) -> None:
    await relay.faults(undeliverable=1.0)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await relay.send()
    assert refused.value.recipients[PERSON][0] == 550
    assert relay.effects() == []


async def test_a_repeat_is_another_mail(relay: Relay) -> None:
    await relay.send()
    await relay.send()
    first, second = relay.effects()
    assert first["facts"] == second["facts"]
    assert first["sid"] != second["sid"]
