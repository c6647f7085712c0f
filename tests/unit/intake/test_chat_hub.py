"""The hub: wakes whom an event is about, everybody when some were missed, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest
from switchboard.intake.v1 import events_pb2, model_pb2

from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.record import Record
from services.chassis.bus.tail import Overrun, Reader, Tail
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.metrics import IntakeMetrics
from services.intake.shell.chat import hub as module
from services.intake.shell.chat.hub import PER_VISITOR_MAX, Ear, Hub, NoRoom, TooMany

CHAT = model_pb2.CHANNEL_CHAT


class Topic(Tail):
    """A tail that fails as often as it is told to, and then reads what it is given."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.reader = Reader({})
        self.subscriptions = 0

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Reader]:
        self.subscriptions += 1
        if self.failures:
            raise self.failures.pop(0)
        yield self.reader

    def say(self, event: events_pb2.ConversationEvent) -> None:
        self.reader.offer(Record("t", 0, 0, 0, b"", event.SerializeToString()))


@asynccontextmanager
async def hub_of(topic: Topic | None = None, *, connections_max: int = 100) -> AsyncIterator[Hub]:
    metrics = IntakeMetrics(Catalogue("intake"), SystemClock())
    hub = Hub(
        topic or Topic(),
        background=Background(),
        metrics=metrics,
        connections_max=connections_max,
    )
    yield hub
    await hub.stop()
    if hub._following is not None:
        await asyncio.wait([hub._following])


def replied(
    visitor_id: str, *, account_id: str = "shop", channel: Any = CHAT
) -> events_pb2.ConversationEvent:
    message = model_pb2.Message(account_id=account_id, to_address=visitor_id, channel=channel)
    return events_pb2.ConversationEvent(replied=events_pb2.Replied(message=message))


def wrote(visitor_id: str) -> events_pb2.ConversationEvent:
    message = model_pb2.Message(account_id="shop", from_address=visitor_id, channel=CHAT)
    return events_pb2.ConversationEvent(message_added=events_pb2.MessageAdded(message=message))


async def rings(ear: Ear) -> bool:
    return await ear.wait(0)


async def test_only_the_visitor_whom_it_is_about_is_woken() -> None:
    async with hub_of() as hub:
        with hub.listening("shop", "v-1") as one, hub.listening("shop", "v-2") as other:
            await begun(one, other)
            for event in (replied("v-1"), wrote("v-1")):
                hub.hear(event)
                assert (await rings(one), await rings(other)) == (True, False)
            note = model_pb2.Message(account_id="shop", to_address="v-1", channel=CHAT)
            for event in (
                replied("v-1", account_id="other"),
                replied("v-1", channel=model_pb2.CHANNEL_EMAIL),
                events_pb2.ConversationEvent(note_added=events_pb2.NoteAdded(message=note)),
                events_pb2.ConversationEvent(opened=events_pb2.ConversationOpened()),
                replied("v-3"),
            ):
                hub.hear(event)
                assert (await rings(one), await rings(other)) == (False, False)
        hub.hear(replied("v-1"))  # nobody is here


async def begun(*ears: Ear) -> None:
    """Whoever is here when the tail begins looks once."""
    for ear in ears:
        assert await ear.wait(10)


async def test_all_tabs_of_a_visitor_are_woken() -> None:
    async with hub_of() as hub:
        with hub.listening("shop", "v-1") as one, hub.listening("shop", "v-1") as other:
            await begun(one, other)
            hub.hear(replied("v-1"))
            assert await rings(one)
            assert await rings(other)


async def test_what_rings_before_somebody_waits_is_heard_once() -> None:
    ear = Ear()
    ear.ring()
    ear.ring()
    assert await rings(ear)
    assert not await rings(ear)


async def test_a_visitor_has_so_many_connections() -> None:
    async with hub_of() as hub:
        with ExitStack() as open_ones:
            for _ in range(PER_VISITOR_MAX):
                open_ones.enter_context(hub.listening("shop", "v-1"))
            with pytest.raises(TooMany):
                open_ones.enter_context(hub.listening("shop", "v-1"))
            open_ones.enter_context(hub.listening("shop", "v-2"))
        assert hub._ears == {}
        with hub.listening("shop", "v-1"):
            assert list(hub._ears) == [("shop", "v-1")]


async def test_a_process_has_so_many_connections_of_whomever() -> None:
    async with hub_of(connections_max=2) as hub:
        with hub.admitted():
            with hub.admitted(), pytest.raises(NoRoom), hub.admitted():
                pass
            with hub.admitted():
                assert hub._connections == 2


async def test_a_drain_wakes_all_and_lets_nobody_in() -> None:
    async with hub_of() as hub:
        with hub.listening("shop", "v-1") as ear:
            hub.drain()
            assert await rings(ear)
        with pytest.raises(NoRoom), hub.admitted():
            pass
        with hub.listening("shop", "v-1") as late:  # was admitted before
            assert await rings(late)


async def test_everybody_looks_again_when_the_tail_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    topic = Topic(BusUnavailable("away"), Overrun("too slow"))
    async with hub_of(topic) as hub:
        with hub.listening("shop", "v-1") as ear:
            await begun(ear)
            assert topic.subscriptions == 3
            topic.say(replied("v-2"))
            topic.say(replied("v-1"))
            assert await ear.wait(10)
            assert not await rings(ear)


async def test_nothing_is_read_before_somebody_is_here() -> None:
    topic = Topic()
    async with hub_of(topic) as hub:
        await hub.start()
        await asyncio.sleep(0)
        assert topic.subscriptions == 0
