"""Wakes the visitors who are here when something was said to them, or by them.

An event only wakes: what is shown is read from the table, behind the line that was shown last. So
it does not matter how events and reads overlap, nor whether an event comes twice, late or, while
Kafka is away, not at all before the tail has caught up.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from switchboard.intake.v1 import events_pb2, model_pb2

from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.record import Record
from services.chassis.bus.tail import Overrun, Tail
from services.chassis.lifecycle import Background
from services.intake.metrics import IntakeMetrics

PER_VISITOR_MAX: Final = 8
RETRY_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)

Address = tuple[str, str]  # account, visitor


class NoRoom(Exception):
    """The process has as many connections as it takes."""


class TooMany(Exception):
    """The visitor has as many connections as anybody needs."""


class Ear:
    """One connection's: rings when there may be something new."""

    def __init__(self) -> None:
        self._rang = asyncio.Event()

    def ring(self) -> None:
        """There may be something new."""
        self._rang.set()

    async def wait(self, seconds: float) -> bool:
        """Return once it rings, or False when the time is over. What is read after this is new."""
        try:
            async with asyncio.timeout(seconds):
                await self._rang.wait()
        except TimeoutError:
            return False
        self._rang.clear()
        return True


class Hub:
    """A component: the chat connections of one process."""

    name = "chat"

    def __init__(
        self, tail: Tail, *, background: Background, metrics: IntakeMetrics, connections_max: int
    ) -> None:
        self._tail = tail
        self._background = background
        self._metrics = metrics
        self._connections_max = connections_max
        self._ears: defaultdict[Address, set[Ear]] = defaultdict(set)
        self._connections = 0
        self._following: asyncio.Task[None] | None = None
        self.draining = False

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A place for a connection, whoever it is. Raises `NoRoom`."""
        if self.draining or self._connections >= self._connections_max:
            raise NoRoom
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    @contextmanager
    def listening(self, account_id: str, visitor_id: str) -> Iterator[Ear]:
        """A connection of a visitor. Raises `TooMany`."""
        address, ear = (account_id, visitor_id), Ear()
        if len(self._ears.get(address, ())) >= PER_VISITOR_MAX:
            raise TooMany
        if self._following is None:
            self._following = self._background.spawn(self._follow(), name="chat")
        self._ears[address].add(ear)
        if self.draining:
            ear.ring()
        try:
            yield ear
        finally:
            self._ears[address].discard(ear)
            if not self._ears[address]:
                del self._ears[address]

    def hear(self, said: events_pb2.ConversationEvent) -> None:
        """Wake the visitor whom an event is about, if they are here."""
        address = _address(said)
        for ear in self._ears.get(address, ()) if address else ():
            ear.ring()

    def drain(self) -> None:
        """Every connection is to end; none begins."""
        self.draining = True
        self._wake_all()

    async def start(self) -> None:
        """Nothing yet: the tail is read once somebody is here."""

    async def stop(self) -> None:
        """Stop listening."""
        self.drain()
        if self._following is not None:
            self._following.cancel()

    async def _follow(self) -> None:
        """Hear all events. What was missed in between is in the table: then everybody looks."""
        while True:
            try:
                async with self._tail.subscribe() as reader:
                    self._wake_all()
                    while True:
                        self.hear(_event(await reader.next()))
            except (BusUnavailable, Overrun) as error:
                log.warning("chat_deaf", exc_info=error)
                await asyncio.sleep(RETRY_SECONDS)

    def _wake_all(self) -> None:
        for ears in self._ears.values():
            for ear in ears:
                ear.ring()

    def _count(self, change: int) -> None:
        self._connections += change
        self._metrics.chat.connections.set(self._connections)


def _event(record: Record) -> events_pb2.ConversationEvent:
    return events_pb2.ConversationEvent.FromString(record.value)


def _address(said: events_pb2.ConversationEvent) -> Address | None:
    """Whose lines an event adds to; None where it adds to nobody's."""
    if said.HasField("message_added"):
        message = said.message_added.message
        visitor_id = message.from_address
    elif said.HasField("replied"):
        message = said.replied.message
        visitor_id = message.to_address
    else:
        return None
    chat = message.channel == model_pb2.CHANNEL_CHAT
    return (message.account_id, visitor_id) if chat else None
