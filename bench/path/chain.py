"""The other side: a bare door and as many bare loops as our path has processors, in a chain."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.engine.contest import BARE
from bench.path import edge
from bench.path.figures import Run
from bench.path.meter import Meter
from bench.path.rig import Rig
from bench.path.webhooks import Provider, Webhook, sms
from local import process
from local.environment import interpreter
from local.ports import free_ports, is_listening
from local.process import Command
from tests.support.counter import Count, counter_dsn

EDGE = "bare edge"
LOOPS = ("bare threader", "bare triage", "bare matcher")
PROCESSES = (EDGE, *LOOPS)
BATCH_MAX = 1000
ANSWERED_SECONDS = 60.0


@dataclass(slots=True)
class Chain:
    """The running processes, and the two ends of the chain."""

    provider: Provider
    webhooks: Callable[[int], Webhook]  # of the customer with this number
    reader: AIOKafkaConsumer
    meter: Meter
    sent: int = 0
    ended_at: dict[str, float] = field(default_factory=dict)  # by message

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
        _start_loop(rig, loop, dsn=dsn, inputs=topics[number], outputs=topics[number + 1])
    [port] = free_ports(1)
    await _start_edge(rig, port=port, topic=topics[0])
    webhook = partial(
        sms,
        port=port,
        path=edge.PATH,
        account=rig.secrets.twilio_account_sid,
        token=rig.secrets.twilio_auth_token,
    )
    reader = AIOKafkaConsumer(
        bootstrap_servers=rig.plan.kafka_bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await reader.start()
    reader.assign([TopicPartition(topics[-1], n) for n in range(rig.plan.partitions)])
    provider = Provider(port)
    try:
        yield Chain(provider, lambda number: webhook(number=number), reader, Meter(rig.pids()))
    finally:
        provider.close()
        await rig.stop(PROCESSES)
        await reader.stop()


async def contest(chain: Chain, *, rate: int, seconds: float, warm_seconds: float) -> Run:
    """Messages at a rate into the first topic, and out of the last."""
    await _drive(chain, rate, int(rate * warm_seconds))
    return await _drive(chain, rate, int(rate * seconds))


async def _drive(chain: Chain, rate: int, count: int) -> Run:
    webhooks = [chain.webhooks(number) for number in range(chain.sent, chain.sent + count)]
    chain.sent += count
    begun: dict[str, float] = {}
    chain.meter.restart()
    accepted_ms, _ = await asyncio.gather(
        chain.provider.post(webhooks, rate, begun), chain.read(count)
    )
    cpu_ms = {name: ms / count for name, ms in chain.meter.cpu_ms().items()}
    latencies = [(chain.ended_at[sid] - at) * 1000 for sid, at in begun.items()]
    return Run(latencies, accepted_ms, cpu_ms)


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


def _start_loop(rig: Rig, name: str, *, dsn: str, inputs: str, outputs: str) -> None:
    environment = {
        "BARE_BATCH": str(BATCH_MAX),
        "COUNTER_DSN": dsn,
        "COUNTER_INPUTS": inputs,
        "COUNTER_KAFKA": rig.plan.kafka_bootstrap,
        "COUNTER_PARTITIONS": str(rig.plan.partitions),
        "COUNTER_TOTALS": outputs,
    }
    rig.running[name] = _start(rig, name, BARE, environment)


async def _start_edge(rig: Rig, *, port: int, topic: str) -> None:
    """Start the door; returns once it listens."""
    environment = {
        "EDGE_KAFKA": rig.plan.kafka_bootstrap,
        "EDGE_PORT": str(port),
        "EDGE_TOKEN": rig.secrets.twilio_auth_token,
        "EDGE_TOPIC": topic,
    }
    rig.running[EDGE] = _start(rig, EDGE, ("-m", "bench.path.edge"), environment)
    async with asyncio.timeout(ANSWERED_SECONDS):
        while not is_listening(port):  # noqa: ASYNC110 - a port sets no event
            await asyncio.sleep(0.1)


def _start(
    rig: Rig, name: str, module: tuple[str, str], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    command = Command(
        name=name,
        argv=(sys.executable, *module),
        log=rig.home.log(name.replace(" ", "-")),
        cwd=rig.home.path,
        env={**interpreter(), **environment},
    )
    return process.start(command)
