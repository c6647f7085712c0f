"""Ways into Kafka: the relay's publisher, and the producer of edges and APIs.

Both write idempotently with `acks=all`. A producer that has failed a send stays out of sequence for
ever (seen with aiokafka 0.14 on Kafka 4.3), so it is thrown away and another one takes its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer, conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.outbox import Outgoing
from services.chassis.bus.record import Header

BATCH_BYTES_MAX = 960_000
REQUEST_SECONDS = 10
ACCEPT_SECONDS = 2.5  # an edge that has no acknowledgement by then answers "not known accepted"
RETRY_BACKOFF_MS = 250
"""A broker that is away is asked so often by each client; a process has several."""
AWAY_SECONDS_MAX = 2.0

log = structlog.get_logger(__name__)


class _Connection(conn.AIOKafkaConnection):  # type: ignore[misc] # aiokafka is untyped
    """Tells of a closed transport as of any broken connection.

    uvloop raises RuntimeError where asyncio says nothing; aiokafka 0.14 does not expect it
    (https://github.com/aio-libs/aiokafka/issues/1038), and what keeps the metadata of a client or
    the membership of a group ends, for good and without a word.
    """

    def send(self, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - as its base
        try:
            return super().send(request, expect_response)
        except RuntimeError as error:
            self.close(reason=conn.CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"{self} is closed") from error


conn.AIOKafkaConnection = _Connection  # what every client of this process connects with


class _Producer:
    """An idempotent producer that is replaced once it has failed."""

    def __init__(self, bootstrap: str, client_id: str) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connect, however long no broker answers: a process that starts before Kafka waits."""
        pause = 0.05
        while True:
            try:
                await self._started()
            except (KafkaError, OSError) as error:
                log.warning("kafka_away", error_type=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, AWAY_SECONDS_MAX)
            else:
                return

    async def stop(self) -> None:
        """Send what is in hand and let go of the connections."""
        await self.renew()

    async def _started(self) -> AIOKafkaProducer:
        """The producer in use. Raises `KafkaError` while no broker answers."""
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id=self._client_id,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES_MAX,
                    max_request_size=1_048_576,
                    request_timeout_ms=REQUEST_SECONDS * 1000,
                    retry_backoff_ms=RETRY_BACKOFF_MS,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def renew(self, failed: AIOKafkaProducer | None = None) -> None:
        """Stop the producer in use; the next record makes another. Once is enough.

        What it still had in hand may or may not arrive.
        """
        producer = self._producer
        if producer is None or (failed is not None and failed is not producer):
            return
        self._producer = None
        try:
            await asyncio.wait_for(producer.stop(), ACCEPT_SECONDS)
        except (KafkaError, TimeoutError):
            await producer.client.close()


class KafkaPublisher(_Producer):
    """The relay's way in: whole batches, each partition in order."""

    async def publish(self, records: Mapping[tuple[str, int], Sequence[Outgoing]]) -> None:
        """Publish; returns once every record is acknowledged. Raises `BusUnavailable`."""
        try:
            producer = await self._started()
            waiting = {at: list(batch) for at, batch in records.items()}
            while waiting:
                sent = [
                    await producer.send_batch(_fill(producer, batch), topic, partition=partition)
                    for (topic, partition), batch in waiting.items()
                ]
                await asyncio.gather(*sent)
                waiting = {at: batch for at, batch in waiting.items() if batch}
        except (KafkaError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error


class EdgeProducer(_Producer):
    """The way in for writers without an outbox: one record, acknowledged or not within seconds."""

    name = "producer"

    def __init__(self, bootstrap: str, client_id: str) -> None:
        super().__init__(bootstrap, client_id)
        self._discarding: set[asyncio.Task[None]] = set()

    async def publish(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        headers: Sequence[Header],
        *,
        partition: int | None = None,
    ) -> None:
        """Publish one record. Raises `BusUnavailable`: then it may appear once, never twice."""
        try:
            async with asyncio.timeout(ACCEPT_SECONDS):
                producer = await self._started()
                sent = await producer.send(
                    topic, value, key, partition=partition, headers=list(headers)
                )
                sent.add_done_callback(lambda future: self._ended(producer, future))
                await asyncio.shield(sent)
        except (KafkaError, TimeoutError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error

    def _ended(self, producer: AIOKafkaProducer, sent: asyncio.Future[object]) -> None:
        if not sent.cancelled() and sent.exception() is not None:
            task = asyncio.ensure_future(self.renew(producer))
            self._discarding.add(task)
            task.add_done_callback(self._discarding.discard)


def _fill(producer: AIOKafkaProducer, batch: list[Outgoing]) -> BatchBuilder:
    """A batch of as many records as fit; takes them out of `batch`."""
    builder = producer.create_batch()
    taken = 0
    for record in batch:
        appended = builder.append(
            key=record.key, value=record.value, timestamp=None, headers=list(record.headers)
        )
        if appended is None:
            break
        taken += 1
    del batch[:taken]
    return builder
