"""Reads topics from their beginning to where they ended when the reading began."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from local.errors import StackError
from local.verify.decode import DECODERS, LogRecord
from local.verify.sequences import Sequences
from local.verify.world import World
from services.chassis.bus import topics as registry

FETCH_BYTES = 4 * 1024 * 1024
POLL_MS = 1_000
SILENT_POLLS_MAX = 30
Ends = Mapping[TopicPartition, int]


async def fold(*, bootstrap: str, partitions: int) -> tuple[World, Ends]:
    """Read the topics into facts; gives these and where each partition ended.

    `partitions` is the count of topics that have none of their own in the registry.

    Raises:
        StackError: The broker stopped answering.
    """
    world, sequences = World(), Sequences()
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=100,
    ) as consumer:
        ends: Ends = await consumer.end_offsets(_partitions(DECODERS, partitions))
        async for record in _read(consumer, ends):
            partition = f"{record.topic}/{record.partition}"
            world.records += 1
            if not sequences.is_new(
                partition=partition, place=record.place, headers=record.headers
            ):
                world.repeats += 1
                continue
            DECODERS[record.topic](record, world)
    world.breaks.extend(sequences.breaks)
    return world, ends


def _partitions(topics: Iterable[str], default: int) -> list[TopicPartition]:
    """Give every partition of the topics, by the registry."""
    known = registry.load()
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in range(known[topic].partition_count(default))
    ]


async def _read(consumer: AIOKafkaConsumer, ends: Ends) -> AsyncIterator[LogRecord]:
    wanted = {partition for partition, end in ends.items() if end > 0}
    if not wanted:
        return
    consumer.assign(sorted(wanted))
    await consumer.seek_to_beginning(*wanted)
    silent = 0
    while wanted:
        batches = await consumer.getmany(*wanted, timeout_ms=POLL_MS)
        for partition, records in batches.items():
            for record in records:
                if record.offset < ends[partition]:
                    yield LogRecord(
                        topic=partition.topic,
                        partition=partition.partition,
                        offset=record.offset,
                        append_ms=record.timestamp,
                        value=record.value or b"",
                        headers=dict(record.headers),
                    )
        for partition in sorted(wanted):
            if await consumer.position(partition) >= ends[partition]:
                wanted.discard(partition)
        silent = 0 if batches else silent + 1
        if silent > SILENT_POLLS_MAX:
            raise StackError("Kafka stopped answering while its topics were read.")
