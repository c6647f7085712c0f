"""Messages of many people in intake's mailbox, and how fast a processor gets through them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import asyncpg
from aiokafka import AIOKafkaProducer

from bench.intake.threads import EMPTY, ROTE, WHICH
from bench.path.rig import Rig
from services.chassis.bus.headers import partition_for
from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs

TENANT: Final = "bench"
EACH_WRITES: Final = 4
TWO_CHANNELS_SHARE: Final = 0.2
"""Of people who write from one number by SMS and over WhatsApp: their addresses are linked."""
THREADER: Final = "intake.threader"
PROCESSORS: Final = (EMPTY, ROTE, THREADER)
POLL_SECONDS: Final = 0.05
DEADLINE_SECONDS: Final = 300.0
_DONE: Final = "SELECT coalesce(sum(next), 0) FROM intake.shard_offset WHERE processor = $1"


def written(count: int, *, first: int) -> Iterator[ReceiveMessage]:
    """`count` messages of people who have not written before, in no order of people."""
    dice = random.Random(first)
    people = range(first, first + count // EACH_WRITES)
    for number, person in enumerate(dice.sample(list(people) * EACH_WRITES, count)):
        address = f"+49171{person:08d}"
        two = person % 100 < TWO_CHANNELS_SHARE * 100
        channel = Channel.WHATSAPP if two and number % 2 else Channel.SMS
        named = f"SM{first:08d}{number:024d}"
        now_ms = time.time_ns() // 1_000_000
        yield ReceiveMessage(
            tenant_id=TENANT,
            home_id=home_id(TENANT, channel, address),
            account_id=f"bench-{channel.lower()}",
            channel=channel,
            from_address=address,
            to_address="+15550100000",
            message_id=inbound_message_id(f"bench-{channel.lower()}", named),
            provider_message_id=named,
            text=f"Where is my parcel? I have waited for {number} days.",
            occurred_at_ms=now_ms,
            received_at_ms=now_ms,
            new_conversation_id="",
            language="en",
        )


async def filled(rig: Rig, count: int, *, first: int) -> None:
    """Put messages into the mailbox."""
    producer = AIOKafkaProducer(bootstrap_servers=rig.plan.kafka_bootstrap, linger_ms=5)
    await producer.start()
    try:
        for message in written(count, first=first):
            said = inputs.received(message)
            key = said.home_id.encode()
            partition = partition_for(key, rig.plan.partitions)
            await producer.send(INPUTS, said.SerializeToString(), key, partition=partition)
    finally:
        await producer.stop()


async def speed(rig: Rig, processor: str, count: int) -> float:
    """Messages a second through the mailbox by one process, from its first tenth to its last."""
    unit = rig.unit("intake")
    env = {**unit.command.env, WHICH: processor}
    argv = (*unit.command.argv[:-1], "bench.intake.threads")
    chosen = replace(unit, command=replace(unit.command, argv=argv, env=env))
    connection = await asyncpg.connect(rig.plan.postgres_admin_dsn)
    before = await connection.fetchval(_DONE, processor)
    marks: list[tuple[float, int]] = []
    try:
        await rig.start([chosen])
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not marks or marks[-1][1] < count:
                done = await connection.fetchval(_DONE, processor) - before
                marks.append((time.perf_counter(), int(done)))
                await asyncio.sleep(POLL_SECONDS)
    finally:
        await rig.stop(["intake"])
        await connection.close()
    within = [mark for mark in marks if count * 0.1 <= mark[1] <= count * 0.9]
    (begin, first), (end, last) = within[0], within[-1]
    return (last - first) / (end - begin)
