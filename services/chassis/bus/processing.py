"""Processing: one processor of a process, as a component of its lifecycle.

It puts the engine on Faust: the app has one agent, the agent has one line. Everything that may not
be lost is the engine's and the relay's; Faust brings fetches and assignments.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import faust
import structlog
from switchboard.engine.v1.control_pb2 import Control, Tick

from services.chassis.bus.decision import Trace
from services.chassis.bus.engine import Cluster, Engine, Placed
from services.chassis.bus.fates import LayoutRefused, LogMoved, StoreUnavailable
from services.chassis.bus.faust_transport import FaustLog, Tables, Transport
from services.chassis.bus.kafka import EdgeProducer, KafkaPublisher
from services.chassis.bus.observer import Observer
from services.chassis.bus.processor import Processor
from services.chassis.bus.record import Record
from services.chassis.bus.relay import Relay
from services.chassis.bus.store import Store
from services.chassis.bus.ticker import Ticker
from services.chassis.bus.tracing import processed
from services.chassis.lifecycle import Background

SESSION_SECONDS: Final = 10
FETCH_RECORDS_MAX: Final = 2000
WATCHDOG_SECONDS: Final = 2.0
HOUR_SECONDS: Final = 3600.0

log = structlog.get_logger(__name__)


class Processing:
    """Runs one processor in this process, over whatever shards its group gives it."""

    def __init__(
        self,
        processor: Processor[Any],
        *,
        store: Store,
        cluster: Cluster,
        observer: Observer,
        background: Background,
        trace: Trace = processed,
        apart_seconds: float = 0.0,
    ) -> None:
        """`apart_seconds`: batches begin so far apart at least, where nobody waits for them."""
        self.name = processor.name
        self.partitions = cluster.partitions
        self.apart_seconds = apart_seconds
        self._processor = processor
        self._store = store
        self._cluster = cluster
        self._observer = observer
        self._background = background
        client = f"{processor.name}@{cluster.owner}"
        self._publisher = KafkaPublisher(cluster.bootstrap, client)
        self._ticks = EdgeProducer(cluster.bootstrap, client)
        self._app = app_of(processor, cluster)
        self._app.feed = self
        self._log = FaustLog(self._app)
        self.relay = Relay(processor.name, publisher=self._publisher, store=store)
        self.engine = Engine(
            processor,
            store=store,
            log=self._log,
            relay=self.relay,
            cluster=cluster,
            watcher=observer,
            trace=trace,
        )
        self._ticker = Ticker(self.engine, ends=self._log, tick=self._tick)
        self._tasks: list[asyncio.Task[None]] = []
        self._running: asyncio.Task[None] | None = None
        self._watchdog: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the group; shards come when the group has balanced. Waits for a broker."""
        await self._publisher.start()
        self._app.transport = Transport(url=self._app.conf.broker_consumer, app=self._app)
        topic = self._app.topic(*self._processor.topics, internal=True, schema=Undecoded())
        self._app.agent(topic, name=self.name)(self._consume)
        self._tasks = [
            self._background.spawn(self.relay.run(), name=f"{self.name} relay"),
            self._background.spawn(self.relay.run_forget(), name=f"{self.name} outbox"),
            self._background.spawn(self._ticker.run(), name=f"{self.name} ticker"),
            self._background.spawn(self._keep_days(), name=f"{self.name} days"),
        ]
        self._watchdog = self._background.spawn(self._watch(), name=f"{self.name} watchdog")
        await self._app.start()
        self._app.sensors.remove(self._app.monitor)  # nobody reads what it counts

    async def stop(self) -> None:
        """Stop fetching, finish the batch, publish what is committed, leave the group."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        await self._app.stop()
        if self._running is not None:
            await self._running
        for task in self._tasks:
            task.cancel()
        await self.relay.publish_waiting()
        await self.relay.forget()
        await self._publisher.stop()
        await self._ticks.stop()

    async def assign(self, places: Iterable[Placed]) -> Mapping[Placed, int]:
        """What the transport calls once the group has balanced."""
        numbers = sorted({partition for _, partition in places})
        self._observer.assigning()
        try:
            offsets = await self.engine.assign(numbers)
        except (LogMoved, LayoutRefused) as error:
            # Not this process's to mend, nor to take: it stays out, and says why.
            log.exception("shards_refused", processor=self.name)
            self._observer.refused(error)
            return {}
        except Exception as error:
            self._background.crash(error)
            raise
        self._observer.assigned(numbers)
        return offsets

    async def _consume(self, stream: Any) -> None:
        """The agent: a fetch at a time, and the next when this one is committed.

        A full fetch means a backlog: then the next one is fetched while this one is committed.
        """
        async for event in stream.noack().events():
            records = event.value.records()
            if len(records) < FETCH_RECORDS_MAX:
                await self._process(records)
                event.ack()
            else:
                decided = asyncio.Event()
                self._running = asyncio.create_task(self._process(records, decided.set))
                await decided.wait()
                event.ack()

    async def _process(
        self, records: list[Record], committing: Callable[[], object] | None = None
    ) -> None:
        try:
            await self.engine.process(records, committing=committing)
        except Exception as error:  # noqa: BLE001 - Faust would log it and go on
            self._background.crash(error)
            await asyncio.Event().wait()

    async def _tick(self, shard: int, due_ms: int) -> None:
        mailbox = self._processor.mailbox
        envelope = self._processor.topics[mailbox]
        message = envelope(control=Control(tick=Tick(due_ms=due_ms, shard=shard)))
        value = message.SerializeToString()
        await self._ticks.publish(mailbox, b"shard/%d" % shard, value, [], partition=shard)

    async def _keep_days(self) -> None:
        """Forget old requests, once at start and then by the hour."""
        while True:
            try:
                await self._store.keep_days(time.time_ns() // 1_000_000)
            except StoreUnavailable:
                log.warning("keep_days_postponed", processor=self.name)
            await asyncio.sleep(HOUR_SECONDS)

    async def _watch(self) -> None:
        """End the process where Faust or the group's coordinator has died in silence."""
        while True:
            await asyncio.sleep(WATCHDOG_SECONDS)
            if self._log.is_dead():
                raise RuntimeError(f"{self.name} no longer consumes")
            offsets = self.engine.offsets()
            lag = self._log.lag(offsets) if offsets else 0
            self._observer.measured(lag=lag, unpublished=self.relay.unpublished)


class Undecoded(faust.Schema[Any, Any]):
    """The value of an event is a whole fetch: there is nothing for a codec to do."""

    def compile(self, app: Any, **_: Any) -> Any:
        """What makes an event of a message."""

        async def decode(message: Any, **_: Any) -> Any:
            return app.create_event(None, message.value, None, message)

        return decode


def app_of(processor: Processor[Any], cluster: Cluster) -> Any:
    """A Faust app that declares nothing, serves no web, and keeps no table."""
    return faust.App(
        f"{processor.name}.layout{processor.layout}",
        broker=[f"kafka://{host}" for host in cluster.bootstrap.split(",")],
        broker_client_id=f"{processor.name}@{cluster.owner}",
        autodiscover=False,
        broker_commit_interval=60.0,
        broker_heartbeat_interval=3.0,
        broker_max_poll_records=FETCH_RECORDS_MAX,
        broker_rebalance_timeout=30.0,
        broker_request_timeout=30.0,
        broker_session_timeout=float(SESSION_SECONDS),
        consumer_auto_offset_reset="earliest",
        datadir=str(Path(gettempdir()) / "switchboard"),  # Faust makes one; nothing is put there
        key_serializer="raw",
        processing_guarantee="at_least_once",
        producer_acks=-1,
        store="memory://",
        TableManager=Tables,
        stream_wait_empty=True,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        value_serializer="raw",
        web_enabled=False,
    )
