"""Stock Faust: the app, its agent, and the records that the agent has taken.

The app is as Faust makes it, except that nothing it does by default is left to chance: no web
server, no leader, no topic declared but its own changelog, no statistics for every record (they
cost as much as the record), and no record acknowledged before it is saved.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import faust
from faust.sensors.monitor import Monitor
from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.deadletters import describe, letter_for
from services.chassis.bus.fates import ends_process
from services.chassis.bus.faust_transport import Tables
from services.chassis.bus.headers import ReadStamp
from services.chassis.bus.record import Record
from services.chassis.lifecycle import Background
from services.insights.core.cursor import Stamp
from services.insights.core.fold import window_of
from services.insights.core.model import Place
from services.insights.handlers import Folding, Taken
from services.insights.metrics import Metrics
from services.insights.shell import wire
from services.insights.shell.parts import PlacedTable

PROCESSOR: Final = "insights.windows"
WAITING_MAX: Final = 20_000


class _QuietMonitor(Monitor):
    """Faust's statistics without those of single records."""

    def on_message_in(self, *_: Any) -> None:
        """Leave the record uncounted."""

    def on_message_out(self, *_: Any) -> None:
        """Leave the record uncounted."""

    def on_stream_event_in(self, *_: Any) -> None:
        """Leave the event uncounted."""

    def on_stream_event_out(self, *_: Any) -> None:
        """Leave the event uncounted."""


class _FolderlessApp(faust.App):
    """An app whose tables are in memory, so that it needs no folder."""

    def _create_directories(self) -> None:
        """Make none: the file system of a container may be read-only."""


def build_app(
    *, bootstrap: str, owner: str, generation: int, partitions: int, replicas: int
) -> faust.App:
    """The app; a generation reads the topics from their start, in a group of its own."""
    return _FolderlessApp(
        f"{PROCESSOR}.g{generation}",
        broker=[f"kafka://{host}" for host in bootstrap.split(",")],
        broker_client_id=f"{PROCESSOR}@{owner}",
        autodiscover=False,
        broker_commit_interval=2.0,
        broker_heartbeat_interval=3.0,
        broker_max_poll_records=1000,
        broker_rebalance_timeout=30.0,
        broker_request_timeout=30.0,
        broker_session_timeout=10.0,
        consumer_auto_offset_reset="earliest",
        # A broker that has just started knows of no topic: Faust gives none of it to anybody then,
        # until the metadata are read again.
        consumer_metadata_max_age_ms=10_000,
        key_serializer="raw",
        Monitor=_QuietMonitor,
        processing_guarantee="at_least_once",
        producer_acks=-1,
        store="memory://",
        stream_wait_empty=False,
        Table=PlacedTable,
        TableManager=Tables,
        table_standby_replicas=0,
        topic_allow_declare=True,  # of internal topics only: its changelog
        topic_disable_leader=True,
        topic_partitions=partitions,
        topic_replication_factor=replicas,
        value_serializer="raw",
        web_enabled=False,
    )


class Inbox:
    """Records that the agent has taken: folded, but not yet saved, so not yet acknowledged."""

    def __init__(self, folding: Folding, *, goal_ms: int, metrics: Metrics) -> None:
        """`goal_ms`: waiting time of the service level."""
        self._folding = folding
        self._goal_ms = goal_ms
        self._metrics = metrics
        self._events: deque[Any] = deque()
        self._room = asyncio.Event()
        self.filled = asyncio.Event()
        self.letters: list[DeadLetter] = []
        self.next_offsets: dict[Place, int] = {}

    def put(self, event: Any) -> None:
        """Take one of Faust's events. What cannot be read becomes a letter."""
        message = event.message
        appended_at_ms = round(message.timestamp * 1000)
        place = Place(message.topic, message.partition)
        read = ReadStamp.of(message.headers)
        writer = f"{read.writer}/{read.shard}" if read else ""
        stamp = Stamp(read.incarnation, read.sequence) if read else None
        fact = None
        try:
            if message.value is not None:
                fact = wire.facts_of(message.topic, message.value, goal_ms=self._goal_ms)
        except Exception as error:
            if ends_process(error):
                raise
            self._set_aside(message, appended_at_ms, error)
        window = window_of(fact, appended_at_ms=appended_at_ms) if fact else None
        counts = fact.counts if fact else {}
        self._folding.take(Taken(place, message.offset, window, counts, writer, stamp))
        self._events.append(event)
        self.next_offsets[place] = message.offset + 1
        self.filled.set()

    async def room(self) -> None:
        """Wait while too much is unsaved; Faust then stops fetching."""
        while len(self._events) >= WAITING_MAX:
            self._room.clear()
            await self._room.wait()

    def acknowledge(self, number: int) -> None:
        """The first records are saved: let Faust commit them."""
        for _ in range(number):
            event = self._events.popleft()
            self._metrics.records.labels(event.message.topic).inc()
            event.ack()
        self._changed()

    def clear(self) -> None:
        """Give up what was taken, unacknowledged: others read it again."""
        self._events.clear()
        self.letters.clear()
        self.next_offsets.clear()
        self._changed()

    def _changed(self) -> None:
        self._metrics.waiting.set(len(self._events))
        self._room.set()
        if not self._events:
            self.filled.clear()

    def _set_aside(self, message: Any, appended_at_ms: int, error: Exception) -> None:
        record = Record(
            message.topic,
            message.partition,
            message.offset,
            appended_at_ms,
            message.key or b"",
            message.value or b"",
            tuple(message.headers),
        )
        letter = letter_for(
            record, processor=PROCESSOR, entity="", error=describe(error), now_ms=appended_at_ms
        )
        self.letters.append(letter)
        self._metrics.letters.labels(message.topic).inc()


def add_agent(app: faust.App, inbox: Inbox, background: Background) -> None:
    """Let one agent of the app take every record of every topic.

    Nothing may leave its loop: Faust would acknowledge the record in hand, log, and go on.
    """

    async def take(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                inbox.put(event)
                await inbox.room()
            except Exception as error:  # noqa: BLE001 - any error ends the process
                background.crash(error)
                await asyncio.Event().wait()

    topic = app.topic(*wire.TOPICS, key_serializer="raw", value_serializer="raw")
    app.agent(topic, name=PROCESSOR)(take)
