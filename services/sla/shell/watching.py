"""WatchSla: the open clocks of a tenant, then every change, from the topic that tells of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from switchboard.sla.v1 import events_pb2 as events
from switchboard.sla.v1 import sla_service_pb2 as pb

from services.chassis.bus.watch import Seen, Watch
from services.chassis.clock import Clock
from services.chassis.rpc.watching import HEARTBEAT_SECONDS, token_bytes, token_text, watched
from services.sla.ports import Listed
from services.sla.shell.store import ClockStore
from services.sla.shell.wire import clock_message

SNAPSHOT_CLOCKS_MAX: Final = 500

Response = pb.WatchSlaResponse


class ClockWatch:
    """Streams of one process; each is bounded by the tail it reads from."""

    def __init__(
        self,
        watch: Watch,
        store: ClockStore,
        *,
        clock: Clock,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._watch = watch
        self._store = store
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds

    async def stream(self, tenant_id: str, token: str) -> AsyncIterator[Response]:
        """Snapshot, changes, and a heartbeat with the latest token where nothing happens."""
        latest = [token]
        changes = self._changes(tenant_id, token_bytes(token), latest)

        def heartbeat() -> Response:
            now = pb.SlaHeartbeat(now_ms=self._clock.now_ms())
            return Response(heartbeat=now, resume_token=latest[0])

        watching = watched(changes, heartbeat=heartbeat, seconds=self._heartbeat_seconds)
        async for response in watching:
            yield response

    async def _changes(
        self, tenant_id: str, token: bytes, latest: list[str]
    ) -> AsyncGenerator[Response, None]:
        async def snapshot(connection: Any) -> Sequence[Listed]:
            return await self._store.open(connection, tenant_id)

        stream = self._watch.stream(snapshot, token=token, filter_hash=tenant_id)
        async with aclosing(stream):
            async for item in stream:
                latest[0] = token_text(item.token())
                if isinstance(item, Seen):
                    for part in self._parts(item.value, latest[0]):
                        yield part
                    continue
                change = events.SlaEvent.FromString(item.record.value)
                if change.tenant_id == tenant_id:
                    yield Response(change=change, resume_token=latest[0])

    def _parts(self, found: Sequence[Listed], token: str) -> list[Response]:
        """A snapshot in messages of bounded size; the last one carries the token."""
        now_ms = self._clock.now_ms()
        parts = [Response(snapshot=pb.SlaSnapshot())]
        for item in found:
            if len(parts[-1].snapshot.clocks) == SNAPSHOT_CLOCKS_MAX:
                parts.append(Response(snapshot=pb.SlaSnapshot()))
            clock = clock_message(
                item.clock,
                tenant_id=item.tenant_id,
                conversation_id=item.conversation_id,
                at_ms=now_ms,
            )
            parts[-1].snapshot.clocks.append(clock)
        parts[0].replace = True
        parts[-1].snapshot.complete = True
        parts[-1].resume_token = token
        return parts
