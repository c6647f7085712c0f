"""Mail through a running process: it comes in by every door, and the answer is answered again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.policy import default
from typing import Any
from uuid import uuid4

import aiosmtplib
import asyncpg
import orjson
import pytest

from services.intake.core.account import Account
from services.intake.core.identity import home_id
from services.intake.shell.channels.protocol import Incoming
from tests.component.intake.house import TENANT, Visit
from tests.component.intake.provider import Provider, answering, listening
from tests.component.intake.test_deliveries import reply, settled
from tests.component.intake.test_smtp_sender import HOST, Relay
from tests.component.intake.test_smtp_sender import listening as relaying
from tests.support import pymap
from tests.support.waiting import until
from tests.unit.intake import mailgun, postmark, sendgrid
from tests.unit.intake.mail.mails import attached, plain, several
from tests.unit.intake.mailboxes import mailbox, raw_mail

TEXT = "Where is my parcel?"
PDF = b"%PDF-1.7 \x00\xff"


@dataclass(frozen=True)
class Correspondence:
    """An account, and a customer who writes to it; no other test has either."""

    account: Account
    customer: str

    def mail(self, number: int = 1, **fields: str) -> bytes:
        """The customer's mail."""
        named = {"From": self.customer, "To": self.account.address}
        named["Message_ID"] = f"<{number}.{self.customer}>"
        return raw_mail(**(named | fields))


def correspondence(account: Account) -> Correspondence:
    name = uuid4().hex
    own = replace(
        account, account_id=f"mail-{name}", address=f"{name}@desk.example", tenant_id=TENANT
    )
    return Correspondence(own, f"{name}@example.org")


def now() -> dict[str, Any]:
    """How Mailgun signs now, by the current key."""
    return {"at_ms": time.time_ns() // 1_000_000, "key": "the-next-key"}


def by_sendgrid(written: Correspondence, raw: bytes) -> Incoming:
    body = sendgrid.multipart({"email": raw, "envelope": "{}", "dkim": "none"})
    return sendgrid.posted(body, path=f"/webhooks/sendgrid/{written.account.account_id}")


def by_mailgun(written: Correspondence, raw: bytes) -> Incoming:
    path = f"/webhooks/mailgun/{written.account.account_id}/mime"
    fields = {"recipient": written.account.address, "body-mime": raw}
    return mailgun.urlencoded(fields, path=path, **now())


def by_postmark(written: Correspondence, raw: bytes) -> Incoming:
    path = f"/webhooks/postmark/{written.account.account_id}"
    return postmark.posted(postmark.mail(RawEmail=raw.decode()), path=path)


@dataclass(frozen=True)
class Case:
    """A provider: its account, how a mail comes, what its API says, what it tells of ours."""

    account: Account
    posted: Callable[[Correspondence, bytes], Incoming]
    taken: tuple[int, Any]
    event: Callable[..., Any]


def delivered_by_sendgrid(ids: dict[str, str], customer: str) -> Incoming:
    return sendgrid.posted(orjson.dumps([sendgrid.event("delivered", email=customer, **ids)]))


def delivered_by_mailgun(ids: dict[str, str], customer: str) -> Incoming:
    happened = mailgun.event("delivered", recipient=customer, **{"user-variables": ids})
    return mailgun.reported(happened, **now())


def delivered_by_postmark(ids: dict[str, str], customer: str) -> Incoming:
    return postmark.posted(postmark.event("Delivery", Recipient=customer, Metadata=ids))


CASES = {
    "sendgrid": Case(sendgrid.desk(), by_sendgrid, (202, {}), delivered_by_sendgrid),
    "mailgun": Case(mailgun.desk(), by_mailgun, (200, {"id": "<x@y>"}), delivered_by_mailgun),
    "postmark": Case(
        postmark.desk(), by_postmark, (200, {"MessageID": "m"}), delivered_by_postmark
    ),
}


async def post(visit: Visit, incoming: Incoming, path: str = "") -> None:
    """A webhook that is taken."""
    url = visit.house.http_url + (path or incoming.url.removeprefix("https://desk.example"))
    async with visit.session.post(url, data=incoming.body, headers=incoming.headers) as answer:
        assert answer.status == 200, await answer.text()


async def threaded(visit: Visit, written: Correspondence, count: int = 1) -> asyncpg.Record:
    """The customer's one conversation, once it has so many messages."""

    async def found() -> asyncpg.Record | None:
        rows = await visit.rows.fetch(
            "SELECT * FROM conversation WHERE account_id = $1", written.account.account_id
        )
        return rows[0] if len(rows) == 1 and rows[0]["messages"] == count else None

    row = await until(found, what=f"a conversation of {count} messages")
    assert row is not None
    return row


async def progressed(visit: Visit, message_id: str, progress: str) -> None:
    async def told() -> bool:
        query = "SELECT progress FROM message_delivery WHERE message_id = $1"
        return bool(await visit.rows.fetchval(query, message_id) == progress)

    await until(told, what=f"{message_id} to be {progress}")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_mail_its_answer_and_the_answer_to_that(visit: Visit, case: Case) -> None:
    written = correspondence(case.account)
    await visit.open_account(written.account)
    for _ in range(2):  # as every provider may
        await post(visit, case.posted(written, written.mail()))
    conversation = await threaded(visit, written)
    assert (conversation["channel"], conversation["subject"]) == ("EMAIL", "Parcel")

    provider = Provider(answering(*case.taken))
    async with listening(provider, visit.house.provider_port):
        message_id = await reply(visit, conversation, "On its way")
        assert await settled(visit, message_id) == "SENT"
    (body,) = provider.bodies
    assert b"On its way" in body
    assert f"{message_id}@desk.example".encode() in body
    assert f"1.{written.customer}".encode() in body  # what it answers

    home = home_id(TENANT, "EMAIL", written.customer)
    ids = {"sb_message": message_id, "sb_recipient": home}
    events = f"/webhooks/{written.account.provider}/{written.account.account_id}/events"
    happened = case.event(ids, written.customer)
    await post(visit, happened, events + ("?token=an-inbound-token" if happened.query else ""))
    await progressed(visit, message_id, "DELIVERED")

    answered = written.mail(2, Subject="Re: Parcel", In_Reply_To=f"<{message_id}@desk.example>")
    await post(visit, case.posted(written, answered))
    assert (await threaded(visit, written, 3))["conversation_id"] == conversation["conversation_id"]


async def test_a_mail_that_was_taken_apart_keeps_its_files(visit: Visit) -> None:
    written = correspondence(sendgrid.desk())
    await visit.open_account(written.account)
    headers = written.mail().partition(b"\r\n\r\n")[0]
    fields = {"headers": headers, "text": TEXT, "html": f"<p>{TEXT}</p>"}
    body = sendgrid.multipart(fields, ("attachment1", "bill.pdf", "application/pdf", PDF))
    await post(
        visit, sendgrid.posted(body, path=f"/webhooks/sendgrid/{written.account.account_id}")
    )
    conversation = await threaded(visit, written)
    row = await visit.rows.fetchrow(
        "SELECT * FROM message WHERE conversation_id = $1", conversation["conversation_id"]
    )
    assert row is not None
    (file,) = orjson.loads(row["attachments"])
    assert (file["file_name"], file["size_bytes"]) == ("bill.pdf", len(PDF))
    assert await kept(visit, file["reference"]) == PDF
    assert (await kept(visit, row["original_reference"])).startswith(b"From: ")


async def kept(visit: Visit, reference: str) -> bytes:
    query = "SELECT content FROM blob_chunk WHERE tenant_id = $1 AND digest = $2"
    content = await visit.rows.fetchval(query, TENANT, reference.removeprefix("blob:"))
    assert isinstance(content, bytes)
    return content


async def test_a_mail_that_nobody_can_read_is_taken_and_set_aside(visit: Visit) -> None:
    written = correspondence(sendgrid.desk())
    await visit.open_account(written.account)
    bad = b"X: y\r\n" * 1_100 + b"\r\nx"
    for _ in range(2):
        await post(visit, by_sendgrid(written, bad))
    rows = await visit.rows.fetch(
        "SELECT * FROM parked_mail WHERE account_id = $1", written.account.account_id
    )
    assert [row["tenant_id"] for row in rows] == [TENANT]
    assert await kept(visit, f"blob:{rows[0]['digest']}") == bad


async def deliver(visit: Visit, raw: bytes, *recipients: str, sender: str = "a@b.example") -> None:
    """A relay hands a mail over."""
    relay = aiosmtplib.SMTP(hostname=HOST, port=visit.house.smtp_port, start_tls=False)
    async with relay:
        await relay.sendmail(sender, list(recipients), raw)


async def test_mail_over_smtp_both_ways_and_a_report_on_it(visit: Visit) -> None:
    relay = Relay()
    async with relaying(relay):
        out = {"smtp_host": HOST, "smtp_port": str(relay.port), "smtp_tls": "none"}
        written = correspondence(mailbox(settings=out))
        await visit.open_account(written.account)
        for _ in range(2):
            await deliver(visit, written.mail(), written.account.address)
        conversation = await threaded(visit, written)
        message_id = await reply(visit, conversation, "On its way")
        assert await settled(visit, message_id) == "SENT"
    sent = relay.mail()
    assert (sent["To"], sent["In-Reply-To"]) == (written.customer, f"<1.{written.customer}>")
    assert sent["Message-ID"] == f"<{message_id}@desk.example>"

    answer = written.mail(2, To=sent["Reply-To"], Subject="A question")
    await deliver(visit, answer, sent["Reply-To"])
    assert (await threaded(visit, written, 3))["conversation_id"] == conversation["conversation_id"]

    status = f"Final-Recipient: rfc822; {written.customer}\r\nAction: failed\r\nStatus: 5.2.2\r\n"
    report = several(
        "report; report-type=delivery-status",
        plain("The mailbox is full."),
        attached(f"Reporting-MTA: dns; x\r\n\r\n{status}".encode(), kind="message/delivery-status"),
        attached(bytes(sent), kind="message/rfc822"),
        head=f"From: MAILER-DAEMON@example.org\r\nMessage-ID: <dsn.{written.customer}>\r\n",
    )
    await deliver(visit, report, written.account.address, sender="")
    await progressed(visit, message_id, "FAILED")


async def test_a_relay_is_told_who_is_unknown(visit: Visit) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await deliver(visit, raw_mail(), f"{uuid4().hex}@desk.example")
    elsewhere = correspondence(sendgrid.desk())  # whose mail comes another way
    await visit.open_account(elsewhere.account)
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await deliver(visit, elsewhere.mail(), elsewhere.account.address)


async def test_mail_from_a_mailbox_and_answers_by_its_relay(visit: Visit) -> None:
    relay = Relay()
    with pymap.running() as server:
        async with relaying(relay):
            settings = {
                "host": HOST,
                "port": str(server.port),
                "tls": "none",
                "username": pymap.USER,
                "smtp_host": HOST,
                "smtp_port": str(relay.port),
                "smtp_tls": "none",
            }
            secrets = {"password": (pymap.PASSWORD,)}
            written = correspondence(mailbox("imap", settings=settings, secrets=secrets))
            await asyncio.to_thread(server.deliver, written.mail())
            await visit.open_account(written.account)
            conversation = await threaded(visit, written)
            await until(lambda: server.unseen() == 0, what="the mark")
            message_id = await reply(visit, conversation, "On its way")
            assert await settled(visit, message_id) == "SENT"
            taken = relay.taken[0].content
            assert isinstance(taken, bytes)
            sent = message_from_bytes(taken, policy=default)
            answered = written.mail(2, In_Reply_To=str(sent["Message-ID"]))
            await asyncio.to_thread(server.deliver, answered)
            await threaded(visit, written, 3)
            row = await visit.rows.fetchrow(
                "SELECT * FROM mailbox WHERE account_id = $1", written.account.account_id
            )
    assert row is not None
    assert (row["last_error"], row["failures"], row["uid_validity"] > 0) == ("", 0, True)
