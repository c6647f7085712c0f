"""WatchQueues: the queues and the open work of a domain, then every change."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from switchboard.routing.v1 import events_pb2 as events
from switchboard.routing.v1 import model_pb2 as model
from switchboard.routing.v1 import routing_service_pb2 as pb

from services.chassis.bus.watch import Seen, Watch
from services.chassis.clock import Clock
from services.chassis.rpc.watching import token_bytes, token_text, watched
from services.routing.shell.store import RoutingStore
from services.routing.shell.wire.nouns import Place

SNAPSHOT_WORK_MAX: Final = 500  # pieces of work in one message

Response = pb.WatchQueuesResponse
Snapshot = tuple[Sequence[model.QueueStats], Sequence[model.WorkItem]]


class QueueWatch:
    """Streams of one process; each is bounded by the tail it reads from."""

    def __init__(self, watch: Watch, store: RoutingStore, *, clock: Clock) -> None:
        self._watch = watch
        self._store = store
        self._clock = clock

    async def stream(
        self, place: Place, pools: Sequence[str], token: str
    ) -> AsyncIterator[Response]:
        """Snapshot, changes, and a heartbeat with the latest token where nothing happens."""
        latest = [token]
        changes = self._changes(place, frozenset(pools), token_bytes(token), latest)

        def heartbeat() -> Response:
            now = pb.QueuesHeartbeat(now_ms=self._clock.now_ms())
            return Response(heartbeat=now, resume_token=latest[0])

        async for response in watched(changes, heartbeat=heartbeat):
            yield response

    async def _changes(
        self, place: Place, pools: frozenset[str], token: bytes, latest: list[str]
    ) -> AsyncGenerator[Response, None]:
        named = sorted(pools)

        async def snapshot(connection: Any) -> Snapshot:
            at = (connection, place.tenant_id, place.domain_id, named)
            return await self._store.queues_in(*at), await self._store.open_work_in(*at)

        filter_hash = "|".join((place.tenant_id, place.domain_id, *named))
        stream = self._watch.stream(snapshot, token=token, filter_hash=filter_hash)
        async with aclosing(stream):
            async for item in stream:
                latest[0] = token_text(item.token())
                if isinstance(item, Seen):
                    for part in _parts(item.value, latest[0]):
                        yield part
                    continue
                change = events.RoutingEvent.FromString(item.record.value)
                if _concerns(change, place, pools):
                    yield Response(change=change, resume_token=latest[0])


def _concerns(change: events.RoutingEvent, place: Place, pools: frozenset[str]) -> bool:
    """Whether a watcher of these pools is told. Facts about agents have no pool: told to all."""
    if (change.tenant_id, change.domain) != (place.tenant_id, place.domain_id):
        return False
    return not pools or not change.pool or change.pool in pools


def _parts(found: Snapshot, token: str) -> list[Response]:
    """A snapshot in messages of bounded size; the last one carries the token."""
    queues, work = found
    parts = [Response(snapshot=pb.QueuesSnapshot(queues=queues))]
    for item in work:
        if len(parts[-1].snapshot.work) == SNAPSHOT_WORK_MAX:
            parts.append(Response(snapshot=pb.QueuesSnapshot()))
        parts[-1].snapshot.work.append(item)
    parts[0].replace = True
    parts[-1].snapshot.complete = True
    parts[-1].resume_token = token
    return parts
