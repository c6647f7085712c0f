"""Every session of this process, and who is told what.

News comes twice: from this process's own matcher right after its commit, and for all matchers from
the topic. Each event has an id, so each is passed on once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from switchboard.routing.v1 import commands_pb2 as asks
from switchboard.routing.v1 import events_pb2 as events
from switchboard.routing.v1 import model_pb2 as model

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.bus.tail import Overrun, Tail
from services.chassis.ids import new_id
from services.chassis.lifecycle import Background
from services.chassis.rpc.errors import NotFound, RpcError, Unavailable
from services.routing.metrics import Metrics
from services.routing.shell.commands import Commands
from services.routing.shell.consumers.matcher_journal import Announced
from services.routing.shell.sessions.lease import HEARTBEAT_MS, Lease
from services.routing.shell.sessions.stream import Holder, Stream
from services.routing.shell.store import Desk, RoutingStore
from services.routing.shell.wire.nouns import Place
from services.routing.shell.wire.pushes import agent_of, needs_work

REMEMBERED_EVENTS: Final = 20_000
NEWS_SECONDS: Final = 5.0  # so long a hello waits for the topic
RETRY_SECONDS: Final = 1.0
_LOST: Final = frozenset({"session_lost", "signed_off"})

log = structlog.get_logger(__name__)


class Sessions:
    """A component: the streams of one process, by tenant and agent."""

    name = "sessions"

    def __init__(
        self,
        lease: Lease,
        *,
        commands: Commands,
        store: RoutingStore,
        tail: Tail,
        background: Background,
        metrics: Metrics,
    ) -> None:
        self._lease = lease
        self._commands = commands
        self._store = store
        self._tail = tail
        self._background = background
        self._metrics = metrics
        self._streams: dict[tuple[str, str], list[Stream]] = {}
        self._heard: dict[str, None] = {}
        self._news: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()
        self._restating: set[asyncio.Task[None]] = set()

    @property
    def edge_id(self) -> str:
        """The edge that this process is."""
        return self._lease.edge_id

    async def start(self) -> None:
        """Vouch for the sessions from now on."""
        self._lease.start(self._places)

    async def stop(self) -> None:
        """See off the last sessions; their streams have ended by now."""
        await self._lease.stop()
        for task in (*self._restating, *([self._news] if self._news else [])):
            task.cancel()

    async def open(self, holder: Holder, presence: model.Presence.ValueType, actor: str) -> Stream:
        """A stream of an agent who says hello, with its welcome queued.

        Raises `NotFound` for an agent nobody has defined, `Unavailable`.
        """
        await self._listen()
        stream = Stream(holder, presence)
        self._take_over(stream)
        try:
            await self._state(stream, actor)
            stream.welcome(await self._desk(holder), heartbeat_ms=HEARTBEAT_MS)
        except BaseException:
            self.release(stream)
            raise
        return stream

    def release(self, stream: Stream) -> None:
        """A stream has ended; unless another one goes on with its session, so has the session."""
        held = self._streams.get(_key(stream.holder), [])
        if stream not in held:
            return
        held.remove(stream)
        if not held:
            del self._streams[_key(stream.holder)]
        self._metrics.sessions.dec()
        signed_off = stream.presence == model.PRESENCE_OFFLINE
        self._lease.see_off(stream.holder, signed_off=signed_off)

    def hear(self, fact: object) -> None:
        """An engine's listener: what this process's own matcher has just committed."""
        if isinstance(fact, Announced):
            self._pass_on(fact.event, fact.work)

    def _pass_on(self, event: events.RoutingEvent, work: model.WorkItem | None) -> None:
        held = self._streams.get((event.tenant_id, agent_of(event)))
        if not held or event.event_id in self._heard:
            return
        self._heard[event.event_id] = None
        if len(self._heard) > REMEMBERED_EVENTS:
            del self._heard[next(iter(self._heard))]
        for stream in held:
            stream.hear(event, work)
        if event.HasField("agent_presence_changed"):
            self._restate(event.agent_presence_changed, held)

    def _restate(self, change: events.AgentPresenceChanged, held: Iterable[Stream]) -> None:
        """Say again that an agent is there whom the matcher gave up, for instance in an outage."""
        if change.to_presence != model.PRESENCE_OFFLINE or change.reason not in _LOST:
            return
        for stream in held:
            if stream.presence != model.PRESENCE_OFFLINE:
                task = asyncio.ensure_future(self._state_again(stream))
                self._restating.add(task)
                task.add_done_callback(self._restating.discard)

    async def _state_again(self, stream: Stream) -> None:
        try:
            await self._state(stream, f"agent/{stream.holder.agent_id}")
        except (RpcError, BusUnavailable, StoreUnavailable) as error:
            log.warning("session_not_restated", error_type=type(error).__name__)
            stream.end(Unavailable("the session was lost; connect again", retry_ms=1000))

    async def _state(self, stream: Stream, actor: str) -> None:
        """State presence as of now; opens the session where the matcher does not know it."""
        holder = stream.holder
        said = asks.SetPresence(
            agent_id=holder.agent_id,
            session_id=holder.session_id,
            edge_id=holder.edge_id,
            presence=stream.presence,
        )
        outcome = await self._commands.submit(
            holder.place, "set_presence", said, request_id=new_id(), actor=actor
        )
        if not outcome.accepted:
            raise NotFound(outcome.detail, reason=outcome.reason)

    async def _desk(self, holder: Holder) -> Desk:
        desk = await self._store.desk(holder.place.tenant_id, holder.agent_id)
        if desk is None:
            raise NotFound("no such agent", reason="AGENT_NOT_FOUND")
        return desk

    def _take_over(self, stream: Stream) -> None:
        """Put a stream in; one that had the same session before it ends, and says no goodbye."""
        held = self._streams.setdefault(_key(stream.holder), [])
        for other in [o for o in held if o.holder.session_id == stream.holder.session_id]:
            held.remove(other)
            self._metrics.sessions.dec()
            other.end(Unavailable("the session went on in another connection"))
        held.append(stream)
        self._metrics.sessions.inc()

    def _places(self) -> set[Place]:
        return {stream.holder.place for held in self._streams.values() for stream in held}

    async def _listen(self) -> None:
        """Hear of other processes' events; returns once nothing can be missed."""
        if self._news is None:
            self._news = self._background.spawn(self._hear_news(), name="session news")
        try:
            await asyncio.wait_for(self._listening.wait(), NEWS_SECONDS)
        except TimeoutError:
            raise Unavailable("no news of offers can be had; try again", retry_ms=1000) from None

    async def _hear_news(self) -> None:
        while True:
            try:
                async with self._tail.subscribe() as reader:
                    self._listening.set()
                    while True:
                        await self._hear_record((await reader.next()).value)
            except (Overrun, BusUnavailable, StoreUnavailable) as error:
                log.warning("session_news_interrupted", error_type=type(error).__name__)
                self._listening.clear()
                self._end_all()
                await asyncio.sleep(RETRY_SECONDS)

    async def _hear_record(self, value: bytes) -> None:
        event = events.RoutingEvent.FromString(value)
        name = agent_of(event)
        if (event.tenant_id, name) not in self._streams or event.event_id in self._heard:
            return
        work = None
        if needs_work(event):
            work = await self._store.work(event.tenant_id, event.work_id)
        self._pass_on(event, work)

    def _end_all(self) -> None:
        """News were missed: every client begins again from a welcome."""
        for held in self._streams.values():
            for stream in held:
                stream.end(Unavailable("news were missed; connect again", retry_ms=100))


def _key(holder: Holder) -> tuple[str, str]:
    return (holder.place.tenant_id, holder.agent_id)
