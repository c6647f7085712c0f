"""Every channel's way out, with an account, a recipient and a provider that takes all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from services.intake.core.account import Account
from services.intake.core.delivery.model import Dispatch
from services.intake.ports import Sender
from services.intake.shell.channels.line_sender import LineSender
from services.intake.shell.channels.mailgun_sender import MailgunSender
from services.intake.shell.channels.messenger_sender import MessengerSender
from services.intake.shell.channels.postmark_sender import PostmarkSender
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.channels.sendgrid_sender import SendGridSender
from services.intake.shell.channels.slack_sender import SlackSender
from services.intake.shell.channels.telegram_sender import TelegramSender
from services.intake.shell.channels.twilio_sender import TwilioSender
from services.intake.shell.channels.whatsapp_sender import WhatsAppSender
from tests.component.intake.provider import ATTEMPT, Provider, answering, serving
from tests.unit.intake import (
    line,
    mailgun,
    messenger,
    postmark,
    sendgrid,
    slack,
    telegram,
    whatsapp,
)
from tests.unit.intake.doors import account
from tests.unit.intake.mailboxes import outgoing

TAKEN: Mapping[str, Any] = {
    "ok": True,
    "sid": "SM9",
    "message_id": "m_OUT",
    "messages": [{"id": "wamid.OUT"}],
    "sentMessages": [{"id": "77123"}],
    "channel": "D1",
    "ts": "1.0",
    "MessageID": "pm-out",
    "id": "<out@desk.example>",
    "result": {"message_id": 13, "chat": {"id": telegram.CHAT_ID, "type": "private"}},
}
"""An acceptance in every provider's words."""


@dataclass(frozen=True)
class WayOut:
    """One channel's."""

    name: str
    sender: Callable[[SendingContext], Sender]
    account: Account
    dispatch: Dispatch

    def with_settings(self, **settings: str) -> WayOut:
        """The same with more settings in its account."""
        stated = {**self.account.settings, **settings}
        return replace(self, account=replace(self.account, settings=stated))


@dataclass
class Called:
    """A sender, and what its provider was asked."""

    way: WayOut
    sender: Sender
    context: SendingContext
    provider: Provider = field(default_factory=Provider)

    async def send(self, **changes: Any) -> Any:
        """Send the message with changes; gives the report."""
        return await self.sender.send(replace(self.way.dispatch, **changes), self.way.account)

    @property
    def methods(self) -> list[str]:
        """The last parts of the paths that were called."""
        return [request.path.rpartition("/")[2] for request in self.provider.requests]

    @property
    def asked(self) -> Any:
        """The one body, as JSON or as the pairs of a form."""
        (body,) = self.provider.bodies
        return orjson.loads(body) if body.startswith(b"{") else parse_qsl(body.decode())


WAYS = {
    way.name: way
    for way in (
        WayOut("twilio", TwilioSender, account(), ATTEMPT),
        WayOut("whatsapp", WhatsAppSender, whatsapp.business(), ATTEMPT),
        WayOut("messenger", MessengerSender, messenger.page(), ATTEMPT),
        WayOut("telegram", TelegramSender, telegram.bot(), ATTEMPT),
        WayOut("line", LineSender, line.business(), ATTEMPT),
        WayOut("slack", SlackSender, slack.workspace(), ATTEMPT),
        WayOut("sendgrid", SendGridSender, sendgrid.desk(), outgoing()),
        WayOut("mailgun", MailgunSender, mailgun.desk(), outgoing()),
        WayOut("postmark", PostmarkSender, postmark.desk(), outgoing()),
    )
}


@asynccontextmanager
async def calling(way: WayOut, **given: Any) -> AsyncIterator[Called]:
    """The sender of a way out, whose provider takes everything until a test says otherwise.

    `given` replaces fields of the context.
    """
    provider = Provider(answering(200, dict(TAKEN)))
    async with serving(provider, way.name) as served:
        context = replace(served, **given)
        yield Called(way, way.sender(context), context, provider)
