"""The other side: a bare front, and as many bare loops as our path has processors, in a chain."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from switchboard.routing.v1.events_pb2 import RoutingEvent

from bench.path.figures import Run
from bench.path.floor import ANSWERED_SECONDS, FIRST_SENDER
from bench.path.meter import Meter
from bench.path.rig import START_SECONDS, Rig
from bench.path.sample import ADDRESS, OFFERED, PATH, STAGES, Sample, Template
from bench.path.webhooks import Provider, Webhook, sms
from local import environment, process
from local.ports import free_ports, is_listening
from local.process import Command
from local.provision import migrate_all

FRONT = "bare front"


@dataclass(slots=True)
class Chain:
    """Running loops, and the two ends of their topics."""

    rig: Rig
    port: int
    offer: Template
    reader: AIOKafkaConsumer
    meter: Meter
    sent: int = 0
    ended_at: dict[str, float] = field(default_factory=dict)

    def webhooks(self, count: int) -> list[Webhook]:
        """Messages of customers who have never written before."""
        first, self.sent = self.sent, self.sent + count
        return [self._webhook(number) for number in range(first, first + count)]

    async def offered(self, count: int) -> None:
        """Note when each message comes out, until `count` more have."""
        target = len(self.ended_at) + count
        async with asyncio.timeout(ANSWERED_SECONDS):
            while len(self.ended_at) < target:
                for batch in (await self.reader.getmany(timeout_ms=200)).values():
                    now = time.perf_counter()
                    for record in batch:
                        if RoutingEvent.FromString(record.value).WhichOneof("kind") == OFFERED:
                            key = self.offer.digits_in(record.value).decode()
                            self.ended_at.setdefault(key, now)

    def _webhook(self, number: int) -> Webhook:
        digits = str(FIRST_SENDER + number)
        return sms(
            port=self.port,
            path="/webhooks/twilio/bare-sms",
            sender=f"{ADDRESS}{digits}",
            number=number,
            secrets=self.rig.secrets,
            key=digits,
        )


@asynccontextmanager
async def running(rig: Rig, sample: Path, name: str) -> AsyncIterator[Chain]:
    """A chain with topics and a database of its own; ends it afterwards."""
    prefix = f"{name}."
    await _create(rig, [prefix + topic for topic in PATH])
    database = await rig.database(name)
    await migrate_all(admin_dsn=database, credentials=rig.secrets)
    for stage in STAGES:
        _start_stage(rig, stage, sample=sample, prefix=prefix, database=database)
    [port] = free_ports(1)
    _start_front(rig, sample=sample, prefix=prefix, port=port)
    reader = AIOKafkaConsumer(
        bootstrap_servers=rig.plan.kafka_bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await reader.start()
    reader.assign([TopicPartition(prefix + PATH[-1], n) for n in range(rig.plan.partitions)])
    await asyncio.to_thread(
        process.wait_until,
        lambda: is_listening(port),
        what=FRONT,
        deadline_s=START_SECONDS,
        process=rig.running[FRONT],
    )
    try:
        yield Chain(rig, port, _offer(Sample.load(sample)), reader, Meter(rig.pids(names())))
    finally:
        await rig.stop(names())
        await reader.stop()


def names() -> list[str]:
    """The chain's processes."""
    return [FRONT, *(f"bare {stage}" for stage in STAGES)]


async def contest(chain: Chain, *, rate: int, seconds: float, warm_seconds: float) -> Run:
    """Messages at a rate into the front, and offers out of the last topic."""
    provider = Provider(chain.port)
    await _drive(chain, provider, rate, int(rate * warm_seconds))
    run = await _drive(chain, provider, rate, int(rate * seconds))
    provider.close()
    return run


async def _drive(chain: Chain, provider: Provider, rate: int, count: int) -> Run:
    webhooks = chain.webhooks(count)
    begun: dict[str, float] = {}
    chain.meter.restart()
    accepted_ms, _ = await asyncio.gather(
        provider.post(webhooks, rate, begun), chain.offered(count)
    )
    cpu_ms = {name: ms / count for name, ms in chain.meter.cpu_ms().items()}
    return Run(
        [(chain.ended_at[key] - at) * 1000 for key, at in begun.items()], accepted_ms, cpu_ms
    )


def _offer(sample: Sample) -> Template:
    """By which a message is known where it comes out."""
    [offered] = [said for said in sample.of(PATH[-1]) if said.kind == OFFERED]
    return sample.template(offered.value)


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


def _start_stage(rig: Rig, stage: str, *, sample: Path, prefix: str, database: str) -> None:
    service = STAGES[stage].service
    password = environment.role_password(rig.secrets, service)
    dsn = f"postgresql://{environment.role(service)}:{password}@{database.rpartition('@')[2]}"
    options = {
        "--sample": str(sample),
        "--prefix": prefix,
        "--bootstrap": rig.plan.kafka_bootstrap,
        "--partitions": str(rig.plan.partitions),
    }
    argv = ("bench.path.stage", stage, *(part for option in options.items() for part in option))
    _start(rig, f"bare {stage}", argv, {"BARE_DSN": dsn})


def _start_front(rig: Rig, *, sample: Path, prefix: str, port: int) -> None:
    options = {
        "--sample": str(sample),
        "--topic": prefix + PATH[0],
        "--bootstrap": rig.plan.kafka_bootstrap,
        "--port": str(port),
    }
    argv = ("bench.path.front", *(part for option in options.items() for part in option))
    _start(rig, FRONT, argv, {"BARE_TOKEN": rig.secrets.twilio_auth_token})


def _start(rig: Rig, name: str, argv: tuple[str, ...], secret: dict[str, str]) -> None:
    command = Command(
        name=name,
        argv=(sys.executable, "-m", *argv),
        log=rig.home.log(name.replace(" ", "-")),
        cwd=rig.home.path,
        env={**environment.interpreter(), **secret},
    )
    rig.running[name] = process.start(command)
