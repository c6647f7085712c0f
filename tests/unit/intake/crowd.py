"""Several people with several addresses, at one desk: who writes where, and who is who."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel, Customer
from services.intake.shell import rows
from services.intake.shell.wire import inputs, names
from tests.unit.intake.desk import Desk
from tests.unit.intake.given import TENANT

ACCOUNTS = {
    Channel.SMS: ("sms-berlin", "+4930555000"),
    Channel.WHATSAPP: ("whatsapp-main", "+4930555001"),
    Channel.EMAIL: ("mail-help", "help@example.com"),
    Channel.CHAT: ("chat-site", "site"),
    Channel.API: ("api-crm", "crm"),
}


@dataclass(frozen=True, slots=True)
class At:
    """One address of somebody."""

    channel: Channel
    address: str

    @property
    def home(self) -> str:
        return home_id(TENANT, self.channel, self.address)

    def identity(self, *, verified: bool = False) -> model_pb2.Identity:
        return model_pb2.Identity(
            channel=names.CHANNELS.to_wire(self.channel),
            address=self.address,
            home_id=self.home,
            verified=verified,
        )


PHONE = At(Channel.SMS, "+4930901820")
WHATSAPP = At(Channel.WHATSAPP, "+4930901820")
MAIL = At(Channel.EMAIL, "grete@example.com")
CHAT = At(Channel.CHAT, "visitor-1")
CRM = At(Channel.API, "crm-4711")
OTHER_CRM = At(Channel.API, "crm-4712")
COLLEAGUE = At(Channel.EMAIL, "erik@example.com")


def low_and_high(one: At, other: At) -> tuple[At, At]:
    """The one that keeps and the one that yields."""
    low, high = sorted((one, other), key=lambda each: each.home)
    return low, high


def message(at: At, number: int | str, at_ms: int, **about: Any) -> ReceiveMessage:
    """What somebody writes."""
    account_id, our_address = ACCOUNTS[at.channel]
    provider_id = f"p-{number}"
    said = ReceiveMessage(
        tenant_id=TENANT,
        home_id=at.home,
        account_id=account_id,
        channel=at.channel,
        from_address=at.address,
        to_address=our_address,
        message_id=inbound_message_id(account_id, provider_id),
        provider_message_id=provider_id,
        text=f"text {number}",
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        new_conversation_id="",
    )
    return replace(said, **about)


class Crowd(Desk):
    """A desk that people with several addresses write to."""

    async def hear(self, at: At, number: int | str = 1, **about: Any) -> str:
        """Somebody writes; returns the message's id."""
        said = message(at, number, self.now_ms, **about)
        await self.put(inputs.received(said), key=at.home)
        return said.message_id

    async def ask(self, at: At, request_id: str, **kind: Any) -> None:
        """A command to the home of an address, or of whoever it has yielded to."""
        home = await self.home_of(at)
        said = commands_pb2.IntakeInput(
            tenant_id=TENANT,
            request_id=request_id,
            actor="agent/ada",
            home_id=home,
            received_at_ms=self.now_ms,
            **kind,
        )
        await self.put(said, key=home)

    async def command_at(self, home: str, request_id: str, kind: str, **body: Any) -> None:
        """A command that was addressed to a home a while ago."""
        said = commands_pb2.IntakeInput(
            tenant_id=TENANT, request_id=request_id, actor="agent/ada", home_id=home
        )
        field = getattr(said, kind)
        field.CopyFrom(type(field)(**body))
        await self.put(said, key=home)

    async def link(self, to: At, at: At, request_id: str = "", *, verified: bool = False) -> None:
        """Give an address to whoever has another."""
        said = commands_pb2.LinkIdentity(
            identity=at.identity(verified=verified),
            reason=commands_pb2.LinkReason(rule="api", confidence=1, actor="agent/ada"),
        )
        await self.ask(to, request_id or f"link-{to.home}-{at.home}", link_identity=said)

    async def unlink(self, at: At, request_id: str = "") -> None:
        """Take an address from whoever has it."""
        said = commands_pb2.UnlinkIdentity(identity=at.identity())
        await self.ask(at, request_id or f"unlink-{at.home}", unlink_identity=said)

    async def home_of(self, at: At) -> str:
        """The home of whoever has the address."""
        yields = {row["home_id"]: row["yields_to"] for row in await self.rows("customer")}
        home = at.home
        while yields.get(home):
            home = yields[home]
        return home

    async def who(self, at: At) -> Customer:
        """Whoever has the address."""
        home = await self.home_of(at)
        found = [row for row in await self.rows("customer") if row["home_id"] == home]
        return rows.customer_of(found[0])

    async def place_of(self, message_id: str) -> str:
        """The conversation of a message."""
        found = [row for row in await self.rows("message") if row["message_id"] == message_id]
        return str(found[0]["conversation_id"])

    async def conversation_row(self, conversation_id: str) -> dict[str, Any]:
        """One conversation."""
        found = await self.rows("conversation")
        return next(row for row in found if row["conversation_id"] == conversation_id)
