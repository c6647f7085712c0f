"""Commands: from an API into a mailbox, and back with the outcome the owner committed.

The owner may be any replica. The outcome is a row, committed with the state it speaks of; where the
owner is this very process, word of it comes at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol
from uuid import uuid4

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.bus import headers
from services.chassis.bus.effects import Answered
from services.chassis.bus.kafka import EdgeProducer
from services.chassis.failpoint import declare, failpoint
from services.chassis.telemetry import tracing

BEFORE_ACCEPT = declare("edge.before_accept", "a record is verified, Kafka has not seen it")
AFTER_ACCEPT = declare("edge.after_accept", "Kafka has a record, its sender has no answer")

POLL_SECONDS_MAX = 0.25


class OutcomeUnknown(Exception):
    """The command was accepted; its outcome did not come in time. The same request id finds it."""


class Outcomes(Protocol):
    """Where the outcome of a request is kept."""

    async def outcome(self, request_key: str) -> bytes | None:
        """The encoded outcome; empty where it had none, None while it is unknown."""
        ...


class CommandBus:
    """How APIs and edges of one service write."""

    def __init__(
        self,
        producer: EdgeProducer,
        outcomes: Outcomes,
        *,
        source: str,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._producer = producer
        self._outcomes = outcomes
        self._source = source
        self._now_ms = now_ms
        self._waiting: dict[str, asyncio.Future[CommandOutcome]] = {}

    def hear(self, fact: object) -> None:
        """An engine's listener: the answers of this process's own shards."""
        if not isinstance(fact, Answered):
            return
        waiting = self._waiting.get(fact.request_key)
        if waiting is not None and not waiting.done():
            waiting.set_result(fact.outcome)

    async def publish(
        self,
        topic: str,
        key: str,
        message: Message,
        *,
        subject: str = "",
        partition: int | None = None,
    ) -> None:
        """Put `message` into `topic`; returns once all replicas have it.

        Raises `BusUnavailable` within 3 s: then it may appear once, never twice.
        """
        failpoint(BEFORE_ACCEPT)
        name = f"send {topic}"
        with tracing.span(name, kind=tracing.Kind.PRODUCER) as span:
            sent = headers.event(
                message.DESCRIPTOR.full_name,
                event_id=str(uuid4()),
                source=self._source,
                time_ms=self._now_ms(),
                subject=subject,
                traceparent=span.traceparent,
            )
            value = message.SerializeToString()
            await self._producer.publish(topic, key.encode(), value, sent, partition=partition)
        failpoint(AFTER_ACCEPT)

    async def submit(
        self, topic: str, key: str, message: Message, *, request_key: str, timeout_s: float
    ) -> CommandOutcome:
        """Put a command into its mailbox and wait for its outcome.

        A request key that was answered before gets that answer. Raises `BusUnavailable`,
        `StoreUnavailable`, `OutcomeUnknown`.
        """
        if known := await self._known(request_key):
            return known
        mine = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(request_key, mine)
        try:
            await self.publish(topic, key, message)
            async with asyncio.timeout(timeout_s):
                return await self._answer(request_key, waiting)
        except TimeoutError:
            raise OutcomeUnknown(request_key) from None
        finally:
            if waiting is mine:
                self._waiting.pop(request_key, None)

    async def _answer(
        self, request_key: str, waiting: asyncio.Future[CommandOutcome]
    ) -> CommandOutcome:
        pause = 0.02
        while True:
            done, _ = await asyncio.wait([waiting], timeout=pause)
            if done:
                return waiting.result()
            if known := await self._known(request_key):
                return known
            pause = min(pause * 2, POLL_SECONDS_MAX)

    async def _known(self, request_key: str) -> CommandOutcome | None:
        encoded = await self._outcomes.outcome(request_key)
        return None if encoded is None else CommandOutcome.FromString(encoded)
