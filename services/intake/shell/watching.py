"""WatchConversations: the live conversations of a tenant, then every change of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import events_pb2

from services.chassis.bus.watch import Seen, Watch
from services.chassis.clock import Clock
from services.chassis.rpc.watching import token_bytes, token_text, watched
from services.intake.core.model import Conversation
from services.intake.shell.filters import Filter, holds
from services.intake.shell.store import ConversationStore
from services.intake.shell.wire import nouns
from services.intake.shell.wire.refs import conversation_of

SNAPSHOT_CONVERSATIONS_MAX: Final = 200

Response = pb.WatchConversationsResponse


class ConversationWatch:
    """Streams of one process; each is bounded by the tail it reads from."""

    def __init__(self, watch: Watch, store: ConversationStore, *, clock: Clock) -> None:
        self._watch = watch
        self._store = store
        self._clock = clock

    async def stream(
        self, tenant_id: str, conditions: Filter, *, filter_text: str, token: str
    ) -> AsyncIterator[Response]:
        """Snapshot, changes, and a heartbeat with the latest token where nothing happens."""
        latest = [token]
        changes = self._changes(tenant_id, conditions, filter_text, token_bytes(token), latest)

        def heartbeat() -> Response:
            now = pb.WatchHeartbeat(now_ms=self._clock.now_ms())
            return Response(heartbeat=now, resume_token=latest[0])

        async for response in watched(changes, heartbeat=heartbeat):
            yield response

    async def _changes(
        self,
        tenant_id: str,
        conditions: Filter,
        filter_text: str,
        token: bytes,
        latest: list[str],
    ) -> AsyncGenerator[Response, None]:
        async def snapshot(connection: Any) -> Sequence[Conversation]:
            return await self._store.all_open(connection, tenant_id, conditions)

        stream = self._watch.stream(snapshot, token=token, filter_hash=f"{tenant_id}|{filter_text}")
        async with aclosing(stream):
            async for item in stream:
                latest[0] = token_text(item.token())
                if isinstance(item, Seen):
                    for part in _parts(item, latest[0]):
                        yield part
                    continue
                change = events_pb2.ConversationEvent.FromString(item.record.value)
                if _concerns(change, tenant_id, conditions):
                    yield Response(change=change, resume_token=latest[0])


def _concerns(change: events_pb2.ConversationEvent, tenant_id: str, conditions: Filter) -> bool:
    """A change that leaves the filter is told too: the watcher must learn of it."""
    if change.conversation.tenant_id != tenant_id:
        return False
    if not conditions or change.HasField("status_changed"):
        return True
    return holds(conditions, conversation_of(change))


def _parts(seen: Seen[Sequence[Conversation]], token: str) -> list[Response]:
    """A snapshot in messages of bounded size; the last one carries the token."""
    parts = [Response(snapshot=pb.ConversationSnapshot())]
    for item in seen.value:
        if len(parts[-1].snapshot.conversations) == SNAPSHOT_CONVERSATIONS_MAX:
            parts.append(Response(snapshot=pb.ConversationSnapshot()))
        parts[-1].snapshot.conversations.append(nouns.conversation(item))
    parts[0].replace = True
    parts[-1].snapshot.complete = True
    parts[-1].resume_token = token
    return parts
