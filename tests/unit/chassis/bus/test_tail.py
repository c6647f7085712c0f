"""The tail of a topic goes on after whatever befalls it, and leaves nothing out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import ConsumerRecord

from services.chassis.bus import tail as tail_module
from services.chassis.bus.tail import Tail

PLACE = TopicPartition("events", 0)
DEADLINE_S = 30.0


def _record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("events", 0, offset, 0, 0, b"k", b"v%d" % offset, None, 0, 0, ())


class Consumer:
    """A topic of three records; the error comes after the first."""

    def __init__(self, errors: list[Exception], subscribed: asyncio.Event) -> None:
        self._errors = errors
        self._subscribed = subscribed
        self._next = 0

    def seek(self, _: TopicPartition, offset: int) -> None:
        self._next = offset

    async def end_offsets(self, _: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {PLACE: 0}

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        await self._subscribed.wait()
        if self._next == 1 and self._errors:
            raise self._errors.pop()
        if self._next == 3:
            await asyncio.Event().wait()
        self._next += 1
        return {PLACE: [_record(self._next - 1)]}

    async def stop(self) -> None:
        """Nothing to let go of."""


@pytest.mark.parametrize("error", [KafkaConnectionError(), RuntimeError("nobody expects this")])
async def test_it_goes_on_where_it_was(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "RETRY_SECONDS", 0.0)
    errors, subscribed = [error], asyncio.Event()

    async def consumer(_: Tail) -> Consumer:
        return Consumer(errors, subscribed)

    monkeypatch.setattr(Tail, "_consumer", consumer)
    tail = Tail("events", bootstrap="unused:1", partitions=1)
    async with asyncio.timeout(DEADLINE_S), tail.subscribe() as reader:
        subscribed.set()
        values = [(await reader.next()).value for _ in range(3)]
    await tail.stop()
    assert values == [b"v0", b"v1", b"v2"]
    assert not errors
