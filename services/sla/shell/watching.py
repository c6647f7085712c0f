"""WatchSla: the open clocks of a tenant, then every change, from the topic that tells of them."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from switchboard.sla.v1 import events_pb2 as events
from switchboard.sla.v1 import sla_service_pb2 as pb

from services.chassis.bus.tail import Overrun
from services.chassis.bus.watch import BadToken, Changed, Seen, Watch
from services.chassis.clock import Clock
from services.chassis.rpc.errors import InvalidArgument, Unavailable, Violation
from services.sla.ports import Listed
from services.sla.shell.store import ClockStore
from services.sla.shell.wire import clock_message

SNAPSHOT_CLOCKS_MAX: Final = 500
HEARTBEAT_SECONDS: Final = 15.0

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

    async def stream(self, tenant_id: str, resume_token: str) -> AsyncIterator[Response]:
        """Snapshot, changes, and a heartbeat where nothing happens.

        Raises `InvalidArgument` for a token that is not ours, `Unavailable` for a reader that is
        too slow: it goes on from its token.
        """
        changes = self._changes(tenant_id, _decoded(resume_token))
        try:
            async with aclosing(changes):
                async for response in self._with_heartbeats(changes):
                    yield response
        except BadToken as error:
            raise _refused(str(error)) from error
        except Overrun as error:
            raise Unavailable("too slow; go on from your resume token", retry_ms=1000) from error

    async def _changes(self, tenant_id: str, token: bytes) -> AsyncGenerator[Response, None]:
        async def snapshot(connection: Any) -> Sequence[Listed]:
            return await self._store.open(connection, tenant_id)

        stream = self._watch.stream(snapshot, token=token, filter_hash=tenant_id)
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, Seen):
                    for part in self._parts(item):
                        yield part
                elif (change := _change(item)).tenant_id == tenant_id:
                    yield Response(change=change, resume_token=_encoded(item.token()))

    def _parts(self, seen: Seen[Sequence[Listed]]) -> list[Response]:
        """A snapshot in messages of bounded size; the last one carries the token."""
        now_ms = self._clock.now_ms()
        parts = [Response(snapshot=pb.SlaSnapshot())]
        for item in seen.value:
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
        parts[-1].resume_token = _encoded(seen.token())
        return parts

    async def _with_heartbeats(
        self, changes: AsyncGenerator[Response, None]
    ) -> AsyncIterator[Response]:
        token = ""
        pending = asyncio.ensure_future(anext(changes))
        try:
            while True:
                done, _ = await asyncio.wait({pending}, timeout=self._heartbeat_seconds)
                if done:
                    response = pending.result()
                    token = response.resume_token or token
                    pending = asyncio.ensure_future(anext(changes))
                else:
                    heartbeat = pb.SlaHeartbeat(now_ms=self._clock.now_ms())
                    response = Response(heartbeat=heartbeat, resume_token=token)
                yield response
        finally:
            pending.cancel()
            await asyncio.wait({pending})


def _change(item: Changed) -> events.SlaEvent:
    return events.SlaEvent.FromString(item.record.value)


def _encoded(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).decode()


def _decoded(token: str) -> bytes:
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _refused("the resume token cannot be read") from None


def _refused(why: str) -> InvalidArgument:
    description = f"{why}; watch without a token"
    return InvalidArgument(description, violations=[Violation("resume_token", description)])
