"""Commands: from an API into a mailbox, and back with the outcome the owner committed.

The owner may be any replica. The outcome is a row, committed with the state it speaks of; where the
owner is this very process, word of it comes at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol
from uuid import uuid4

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.bus import headers
from services.chassis.bus.effects import Answered
from services.chassis.bus.fates import StoreUnavailable
from services.chassis.bus.kafka import EdgeProducer
from services.chassis.failpoint import declare, failpoint
from services.chassis.telemetry import tracing

BEFORE_ACCEPT = declare("edge.before_accept", "a record is verified, Kafka has not seen it")
AFTER_ACCEPT = declare("edge.after_accept", "Kafka has a record, its sender has no answer")

POLL_SECONDS = 0.05


class OutcomeUnknown(Exception):
    """The command was accepted; its outcome did not come in time. The same request id finds it."""


class Outcomes(Protocol):
    """Where the outcome of a request is kept."""

    async def outcomes(self, request_keys: Collection[str]) -> Mapping[str, bytes]:
        """The encoded outcomes of those that are known; empty where one had none."""


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
        self._waiting: dict[str, list[asyncio.Future[CommandOutcome]]] = {}
        self._asking: asyncio.Task[None] | None = None

    def hear(self, fact: object) -> None:
        """An engine's listener: the answers of this process's own shards."""
        if isinstance(fact, Answered):
            self._answer(fact.request_key, fact.outcome)

    async def publish(self, topic: str, key: str, message: Message) -> None:
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
                traceparent=span.traceparent,
            )
            value = message.SerializeToString()
            await self._producer.publish(topic, key.encode(), value, sent)
        failpoint(AFTER_ACCEPT)

    async def submit(
        self, topic: str, key: str, message: Message, *, request_key: str, timeout_s: float
    ) -> CommandOutcome:
        """Put a command into its mailbox and wait for its outcome.

        A request key that was answered before gets that answer. Raises `BusUnavailable`,
        `StoreUnavailable`, `OutcomeUnknown`.
        """
        known = await self._outcomes.outcomes([request_key])
        if request_key in known:
            return CommandOutcome.FromString(known[request_key])
        answer: asyncio.Future[CommandOutcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(request_key, []).append(answer)
        try:
            await self.publish(topic, key, message)
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise OutcomeUnknown(request_key) from None
        finally:
            self._waiting[request_key].remove(answer)
            if not self._waiting[request_key]:
                del self._waiting[request_key]

    async def _ask(self) -> None:
        """Look for what other processes have answered, for all who wait at once.

        Each for itself would ask the more often the slower answers come, and slow them further.
        """
        while self._waiting:
            await asyncio.sleep(POLL_SECONDS)
            try:
                known = await self._outcomes.outcomes(list(self._waiting))
            except StoreUnavailable:
                continue
            for request_key, encoded in known.items():
                self._answer(request_key, CommandOutcome.FromString(encoded))

    def _answer(self, request_key: str, outcome: CommandOutcome) -> None:
        for answer in self._waiting.get(request_key, ()):
            if not answer.done():
                answer.set_result(outcome)
