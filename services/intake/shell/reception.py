"""Where every way in ends: what arrived is published, and only then is it accepted.

Webhooks, mail servers, mailboxes, chat sessions and programs differ in how they are told; what they
bring is taken in here, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import Clock
from services.intake.core.account import Account
from services.intake.core.keywords import help_for
from services.intake.metrics import IntakeMetrics
from services.intake.shell import languages
from services.intake.shell.channels.protocol import (
    Arrived,
    Called,
    Item,
    Linked,
    Mailed,
    MailParts,
    Opened,
    RawMail,
    Reported,
    Revised,
    Unread,
)
from services.intake.shell.filing import Filing
from services.intake.shell.mail.sandbox import ReaderUnavailable
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import calls, inputs, leftovers, linking

ITEMS_AT_A_TIME: Final = 500

NOT_NOW: Final = (BusUnavailable, StoreUnavailable, ReaderUnavailable)
"""What `take` raises where nothing is known accepted and the same may go well in a while."""

_COUNTED_AS: Final = {
    Arrived: "message",
    Reported: "receipt",
    Revised: "revision",
    Linked: "identity",
    Called: "call",
    Unread: "leftover",
}


class Bus(Protocol):
    """Where an accepted item goes."""

    async def publish(self, topic: str, key: str, message: Message) -> None:
        """Return once all replicas have it; raises `BusUnavailable` within 3 s."""


class Opener(Protocol):
    """Who reads what has to be read first."""

    async def opened(self, item: Mailed, account: Account) -> Sequence[Opened]:
        """What it turns out to be. Raises one of `NOT_NOW`."""


class Reception:
    """Takes items in for all ways in of one process."""

    def __init__(
        self, *, bus: Bus, clock: Clock, metrics: IntakeMetrics, opener: Opener, filing: Filing
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._metrics = metrics
        self._opener = opener
        self._filing = filing

    async def take(self, items: Iterable[Item], account: Account) -> None:
        """Return once all items are durable. Raises one of `NOT_NOW`: none is known accepted.

        What nobody can use, and what the account's blocked senders wrote or called, is counted; of
        that, what nobody foresaw is kept.
        """
        told = [each for item in items for each in await self._opened(item, account)]
        wanted = [item for item in told if self._is_wanted(item, account)]
        for begin in range(0, len(wanted), ITEMS_AT_A_TIME):
            await self._publish(wanted[begin : begin + ITEMS_AT_A_TIME], account)

    async def _opened(self, item: Item, account: Account) -> Sequence[Opened]:
        if isinstance(item, RawMail | MailParts):
            return await self._opener.opened(item, account)
        return (item,)

    def _is_wanted(self, item: Opened, account: Account) -> bool:
        kind = "blocked" if account.blocks(_sender(item)) else ""
        if isinstance(item, Unread):
            kind = item.kind
        if kind:
            self._metrics.unread.labels(account.provider, kind).inc()
        return not kind or (isinstance(item, Unread) and bool(item.payload))

    async def _publish(self, items: Sequence[Opened], account: Account) -> None:
        """All of them, or nothing is known accepted."""
        if len(items) == 1:  # as a rule: no task for it
            await self._publish_one(items[0], account)
        else:
            await asyncio.gather(*(self._publish_one(item, account) for item in items))
        for item in items:
            self._metrics.accepted.labels(account.provider, _COUNTED_AS[type(item)]).inc()

    async def _publish_one(self, item: Opened, account: Account) -> None:
        if isinstance(item, Arrived):
            item = await self._filing.filed(item)
        said = self._input(item, account)
        await self._bus.publish(INPUTS, said.home_id, said)

    def _input(self, item: Opened, account: Account) -> commands_pb2.IntakeInput:
        match item:
            case Arrived():
                said = inputs.received(item.message, client_message_id=item.client_message_id)
                written = said.inbound_message  # a copy of the command would cost as much again
                written.detected_language = languages.detected(item.message, account)
                written.single_conversation = account.has_single_conversations
                written.help_text = help_for(item.message.channel, item.message.text, account)
                return said
            case Reported():
                now_ms = self._clock.now_ms()
                return inputs.receipt(item.note, recipient=item.recipient, received_at_ms=now_ms)
            case Revised():
                return inputs.revised(item.revision, received_at_ms=self._clock.now_ms())
            case Linked():
                return linking.stated(item.link, received_at_ms=self._clock.now_ms())
            case Called():
                return calls.told(
                    item.note,
                    from_address=item.from_address,
                    to_address=item.to_address,
                    received_at_ms=self._clock.now_ms(),
                )
            case Unread():
                now_ms = self._clock.now_ms()
                return leftovers.parked(account, item.kind, item.payload, received_at_ms=now_ms)


def _sender(item: Opened) -> str:
    """The address of whoever writes or calls; empty where the item is about a message that is."""
    match item:
        case Arrived():
            return item.message.from_address
        case Called():
            return item.from_address
        case _:
            return ""
