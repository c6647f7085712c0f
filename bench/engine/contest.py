"""One contestant of the engine bench: a process, its database, its topics, and its clock."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.chassis.bus.headers import partition_for
from tests.support.counter import Count, counter_dsn
from tests.support.stack import Kafka, Postgres

PARTITIONS = 8
ENTITIES = [f"entity-{n}" for n in range(5000)]
DEADLINE_S = 180.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """How it is started; `batch` is the most records the bare loop takes at once."""

    name: str
    command: tuple[str, ...]
    batch: int = 1000


BARE = ("-m", "bench.engine.bare")
OURS = Contestant("ours", ("-m", "tests.support.counter_service"))
STOCK = Contestant(
    "stock Faust", ("-m", "bench.engine.stock", "worker", "--without-web", "-l", "error")
)


@dataclass(slots=True)
class Course:
    """A running contestant and the topics it reads and writes."""

    inputs: str
    totals: str
    process: asyncio.subprocess.Process
    producer: AIOKafkaProducer
    reader: AIOKafkaConsumer
    sent: int = 0
    seen: int = 0

    async def preload(self, count: int) -> None:
        """Put `count` messages into the inputs."""
        for number in range(self.sent, self.sent + count):
            entity = ENTITIES[number * 7 % len(ENTITIES)]
            message = Count(entity=entity, amount=1, request=f"{self.inputs}-{number}")
            await self.producer.send(self.inputs, message.SerializeToString(), entity.encode())
        await self.producer.flush()
        self.sent += count

    async def drained(self) -> list[tuple[float, int]]:
        """Wait until everything sent has come out; returns when how many had."""
        deadline, marks = time.monotonic() + DEADLINE_S, []
        while self.seen < self.sent:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.seen} of {self.sent} came out")
            fetched = await self.reader.getmany(timeout_ms=200)
            self.seen += sum(len(batch) for batch in fetched.values())
            marks.append((time.perf_counter(), self.seen))
        return marks

    async def latencies_ms(self, rate: int, seconds: float) -> list[float]:
        """Send at `rate` a second; milliseconds from each send to its total."""
        starts: dict[str, float] = {}
        found: list[float] = []
        reading = asyncio.create_task(self._read_until(int(rate * seconds), starts, found))
        begin = time.perf_counter()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            await self._send_one(number, starts)
        await asyncio.wait_for(reading, DEADLINE_S)
        return found

    async def cpu_ms_a_record(self, count: int) -> float:
        """CPU of the process for a record that is a batch of its own, over `count` of them."""
        process = psutil.Process(self.process.pid)
        starts: dict[str, float] = {}
        before = _cpu_seconds(process)
        for number in range(count):
            found: list[float] = []
            await self._send_one(number, starts)
            await asyncio.wait_for(self._read_until(1, starts, found), DEADLINE_S)
        return (_cpu_seconds(process) - before) * 1000 / count

    async def _send_one(self, number: int, starts: dict[str, float]) -> None:
        entity = ENTITIES[number * 7 % len(ENTITIES)]
        self.sent += 1
        trace = f"{self.inputs}-{self.sent}"
        message = Count(entity=entity, amount=1, request=trace, trace=trace)
        starts[trace] = time.perf_counter()
        await self.producer.send(self.inputs, message.SerializeToString(), entity.encode())

    async def _read_until(self, count: int, starts: dict[str, float], found: list[float]) -> None:
        while len(found) < count:
            for batch in (await self.reader.getmany(timeout_ms=200)).values():
                now = time.perf_counter()
                for record in batch:
                    self.seen += 1
                    started = starts.pop(Count.FromString(record.value).trace, None)
                    if started is not None:
                        found.append((now - started) * 1000)


@asynccontextmanager
async def on_course(
    who: Contestant, kafka: Kafka, postgres: Postgres, folder: Path, *, preload: int = 0
) -> AsyncIterator[Course]:
    """Give `who` fresh topics and an empty database, start it, and end it afterwards."""
    names = [kafka.name(stem) for stem in ("counts", "totals")]
    await kafka.acreate_topics(
        *names, partitions=PARTITIONS, message_timestamp_type="LogAppendTime"
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=0)
    reader = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await producer.start()
    await reader.start()
    reader.assign([TopicPartition(names[1], n) for n in range(PARTITIONS)])
    environment = os.environ | {
        "BARE_BATCH": str(who.batch),
        "COUNTER_DSN": await counter_dsn(await postgres.adatabase("bench")),
        "COUNTER_INPUTS": names[0],
        "COUNTER_KAFKA": kafka.bootstrap,
        "COUNTER_NAME": f"counter.{names[0]}",
        "COUNTER_PARTITIONS": str(PARTITIONS),
        "COUNTER_TOTALS": names[1],
    }
    course = Course(names[0], names[1], None, producer, reader)  # type: ignore[arg-type] # started below
    await course.preload(preload)
    with (folder / f"{names[0]}.log").open("wb") as log:
        command = [sys.executable, *who.command]
        course.process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=log, stderr=log
        )
    try:
        yield course
    finally:
        course.process.kill()
        await course.process.wait()
        await producer.stop()
        await reader.stop()


async def throughput(who: Contestant, course: Course) -> float:
    """Messages a second through a preloaded topic, without the first tenth and the last."""
    marks = [mark for mark in await course.drained() if mark[1] > course.sent * 0.1]
    (begin, first), (end, last) = marks[0], marks[-1]
    print(f"  {who.name} ≤{who.batch}: {(last - first) / (end - begin):,.0f}/s", flush=True)
    return (last - first) / (end - begin)


async def warm(course: Course) -> None:
    """Wait until the process answers, and let it answer a few hundred times."""
    await course.latencies_ms(100, 3)


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{median(values):,.1f} ({min(values):,.1f}–{max(values):,.1f})"


def partition_of(entity: str) -> int:
    """Where an entity's counts go."""
    return partition_for(entity.encode(), PARTITIONS)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
