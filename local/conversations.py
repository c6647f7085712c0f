"""Conversations of a running stack, read and written over gRPC, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import model_pb2 as model
from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceStub

from local.errors import StackError
from local.intake import Desk, described

PAGE: Final = 500


class Conversations:
    """The conversations of one tenant."""

    def __init__(self, desk: Desk) -> None:
        """Call over `desk`."""
        self._desk = desk
        self._stub = desk.service(ConversationServiceStub)

    async def listed(self, condition: str, most: int) -> Sequence[model.Conversation]:
        """The latest changed first, `most` of those that meet the condition."""
        ask = pb.ListConversationsRequest(filter=condition, page_size=min(most, PAGE))
        page = await self._desk.call(self._stub.ListConversations, ask)
        return list(page.conversations)[:most]

    async def searched(self, text: str, condition: str, most: int) -> Sequence[pb.SearchHit]:
        """Messages that hold the words, the latest first."""
        ask = pb.SearchConversationsRequest(query=text, filter=condition, page_size=min(most, PAGE))
        page = await self._desk.call(self._stub.SearchConversations, ask)
        return list(page.hits)[:most]

    async def found(
        self, conversation_id: str
    ) -> tuple[pb.GetConversationResponse, Sequence[pb.TimelineEntry]]:
        """One, with what is to be known beside it, and everything that happened in it."""
        got: pb.GetConversationResponse = await self._desk.call(
            self._stub.GetConversation, pb.GetConversationRequest(conversation_id=conversation_id)
        )
        ask = pb.GetTimelineRequest(conversation_id=conversation_id, page_size=PAGE)
        entries: list[pb.TimelineEntry] = []
        while True:
            page = await self._desk.call(self._stub.GetTimeline, ask)
            entries += page.entries
            if not page.next_page_token:
                return got, entries
            ask.page_token = page.next_page_token

    async def explained(self, message_id: str) -> pb.ExplainThreadingResponse:
        """Why a message is where it is."""
        ask = pb.ExplainThreadingRequest(message_id=message_id)
        answer: pb.ExplainThreadingResponse = await self._desk.call(
            self._stub.ExplainThreading, ask
        )
        return answer

    async def do(self, rpc: str, **fields: Any) -> Any:
        """Run a command such as `Reply`; `fields` are those of its request."""
        request = getattr(pb, f"{rpc}Request")(request_id=str(uuid4()), **fields)
        return await self._desk.call(getattr(self._stub, rpc), request)


def status_of(name: str) -> model.ConversationStatus.ValueType:
    """The status of a name such as `pending`. Raises `StackError`."""
    prefix, numbers = "CONVERSATION_STATUS_", model.ConversationStatus.items()
    known = {each.removeprefix(prefix).lower(): number for each, number in numbers if number}
    if name.lower() not in known:
        raise StackError(f"No such status: {name}; there are {', '.join(known)}.")
    return known[name.lower()]


def line_of(conversation: model.Conversation) -> str:
    """A conversation in one line."""
    ref = conversation.ref
    status = model.ConversationStatus.Name(ref.status).removeprefix("CONVERSATION_STATUS_")
    channel = model.Channel.Name(ref.channel).removeprefix("CHANNEL_")
    when, subject = utc(conversation.updated_at_ms), conversation.subject
    said = f"{ref.conversation_id}  {when}  {status:8}  {channel:9}  {ref.address}"
    return f"{said}  {subject}" if subject else said


def story_of(entries: Sequence[pb.TimelineEntry]) -> Iterator[str]:
    """A timeline as lines."""
    for entry in entries:
        kind = entry.WhichOneof("kind") or "?"
        begins = f"{utc(entry.occurred_at_ms)}  {entry.actor}"
        if kind == "message":
            yield f"{begins}  {_message(entry.message)}"
        else:
            told = described(getattr(entry, kind))
            known = ", ".join(f"{name} {value}" for name, value in told.items() if value)
            yield f"{begins}  [{kind}] {known}"


def _message(message: model.Message) -> str:
    way = {model.DIRECTION_OUTBOUND: "->", model.DIRECTION_INTERNAL: "note"}
    parts = [way.get(message.direction, "<-"), message.text or "(taken back)"]
    parts += [f"[{each.file_name}]" for each in message.attachments]
    if message.delivery_status:
        status = model.DeliveryStatus.Name(message.delivery_status)
        parts.append(f"({status.removeprefix('DELIVERY_STATUS_').lower()})")
    return "  ".join((*parts, message.message_id))


def utc(unix_ms: int) -> str:
    """A time as people read it."""
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
