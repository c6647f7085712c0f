"""The other side: as many bare loops as our path has processors, each fed by the one before."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.engine.contest import BARE
from bench.path.figures import Run
from bench.path.meter import Meter
from bench.path.rig import Rig
from local import process
from local.environment import interpreter
from local.process import Command
from tests.support.counter import Count, counter_dsn

LOOPS = ("bare threader", "bare triage", "bare matcher")
BATCH_MAX = 1000


ANSWERED_SECONDS = 60.0


@dataclass(slots=True)
class Chain:
    """Running loops, and the two ends of their topics."""

    inputs: str
    producer: AIOKafkaProducer
    reader: AIOKafkaConsumer
    meter: Meter
    sent: int = 0
    ended_at: dict[str, float] = field(default_factory=dict)

    async def send(self, rate: int, count: int) -> dict[str, float]:
        """Send messages at a rate, whatever comes out; gives when each began."""
        begun: dict[str, float] = {}
        begin = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            self.sent += 1
            key = f"{self.inputs}-{self.sent}"
            message = Count(entity=key, amount=1, request=key, trace=key)
            begun[key] = time.perf_counter()
            await self.producer.send(self.inputs, message.SerializeToString(), key.encode())
        return begun

    async def read(self, count: int) -> None:
        """Note when each message comes out, until `count` more have."""
        target = len(self.ended_at) + count
        async with asyncio.timeout(ANSWERED_SECONDS):
            while len(self.ended_at) < target:
                for batch in (await self.reader.getmany(timeout_ms=200)).values():
                    now = time.perf_counter()
                    for record in batch:
                        self.ended_at.setdefault(Count.FromString(record.value).trace, now)


@asynccontextmanager
async def running(rig: Rig, name: str) -> AsyncIterator[Chain]:
    """A chain with topics and databases of its own; ends it afterwards."""
    topics = [f"{name}-{number}" for number in range(len(LOOPS) + 1)]
    await _create(rig, topics)
    for number, loop in enumerate(LOOPS):
        dsn = await counter_dsn(await rig.database(f"{name}-{number}"))
        rig.running[loop] = _start(
            rig, loop, dsn=dsn, inputs=topics[number], outputs=topics[number + 1]
        )
    bootstrap = rig.plan.kafka_bootstrap
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=0, acks="all")
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await producer.start()
    await reader.start()
    reader.assign([TopicPartition(topics[-1], n) for n in range(rig.plan.partitions)])
    try:
        yield Chain(topics[0], producer, reader, Meter(rig.pids()))
    finally:
        await rig.stop(LOOPS)
        await producer.stop()
        await reader.stop()


async def contest(chain: Chain, *, rate: int, seconds: float, warm_seconds: float) -> Run:
    """Messages at a rate into the first topic, and out of the last."""
    await _drive(chain, rate, int(rate * warm_seconds))
    return await _drive(chain, rate, int(rate * seconds))


async def _drive(chain: Chain, rate: int, count: int) -> Run:
    chain.meter.restart()
    begun, _ = await asyncio.gather(chain.send(rate, count), chain.read(count))
    cpu_ms = {name: ms / count for name, ms in chain.meter.cpu_ms().items()}
    return Run([(chain.ended_at[key] - at) * 1000 for key, at in begun.items()], [], cpu_ms)


async def _create(rig: Rig, topics: list[str]) -> None:
    settings = {"message.timestamp.type": "LogAppendTime"}
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.plan.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(topic, rig.plan.partitions, 1, topic_configs=settings) for topic in topics]
        )
    finally:
        await admin.close()


def _start(rig: Rig, name: str, *, dsn: str, inputs: str, outputs: str) -> subprocess.Popen[bytes]:
    environment = {
        "BARE_BATCH": str(BATCH_MAX),
        "COUNTER_DSN": dsn,
        "COUNTER_INPUTS": inputs,
        "COUNTER_KAFKA": rig.plan.kafka_bootstrap,
        "COUNTER_PARTITIONS": str(rig.plan.partitions),
        "COUNTER_TOTALS": outputs,
    }
    command = Command(
        name=name,
        argv=(sys.executable, *BARE),
        log=rig.home.log(inputs),
        cwd=rig.home.path,
        env={**interpreter(), **environment},
    )
    return process.start(command)
