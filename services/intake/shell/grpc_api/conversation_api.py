"""ConversationService: reads from the tables, writes through the conversation's owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from switchboard.intake.v1 import commands_pb2
from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceServicer

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import InvalidArgument, NotFound, Violation
from services.chassis.rpc.paging import page_size, position_of, token_after
from services.chassis.rpc.planned import planned
from services.intake.core.cards import masked
from services.intake.core.model import Conversation
from services.intake.shell.filters import BadFilter, Filter, parse
from services.intake.shell.grpc_api.callers import actor
from services.intake.shell.grpc_api.commands import Commands
from services.intake.shell.store import After, ConversationStore
from services.intake.shell.watching import ConversationWatch
from services.intake.shell.wire import nouns, timeline


class ConversationApi(ConversationServiceServicer):
    """The servicer. What is `planned` answers UNIMPLEMENTED; the README lists it."""

    def __init__(
        self, *, store: ConversationStore, commands: Commands, watch: ConversationWatch
    ) -> None:
        self._store = store
        self._commands = commands
        self._watch = watch

    async def GetConversation(
        self, request: pb.GetConversationRequest, _: Any
    ) -> pb.GetConversationResponse:
        """One conversation as it is now."""
        found = await self._find(request.conversation_id)
        return pb.GetConversationResponse(conversation=nouns.conversation(found))

    async def ListConversations(
        self, request: pb.ListConversationsRequest, _: Any
    ) -> pb.ListConversationsResponse:
        """A page of conversations, the latest change first."""
        size, position = page_size(request), position_of(request)
        found = await self._store.page(
            caller().tenant_id,
            _filter(request.filter),
            after=After(*position) if position else None,
            limit=size + 1,
        )
        page = pb.ListConversationsResponse(
            conversations=[nouns.conversation(item) for item in found[:size]]
        )
        if len(found) > size:
            last = found[size - 1]
            page.next_page_token = token_after(request, [last.updated_at_ms, last.conversation_id])
        return page

    async def GetTimeline(self, request: pb.GetTimelineRequest, _: Any) -> pb.GetTimelineResponse:
        """A page of what happened in a conversation, in order."""
        size, position = page_size(request), position_of(request)
        await self._find(request.conversation_id)
        found = await self._store.timeline(
            request.conversation_id, after=position[0] if position else 0, limit=size + 1
        )
        page = pb.GetTimelineResponse(entries=[timeline.entry(item) for item in found[:size]])
        if len(found) > size:
            page.next_page_token = token_after(request, [found[size - 1].sequence])
        return page

    async def Reply(self, request: pb.ReplyRequest, _: Any) -> pb.ReplyResponse:
        """Answer the customer; the conversation's owner decides, delivery sends."""
        said = await self._command(request)
        reply = commands_pb2.Reply(
            conversation_id=request.conversation_id,
            text=masked(request.text),
            attachments=request.attachments,
            status=request.status,
        )
        said.reply.CopyFrom(reply)
        return await self._commands.run(said, pb.ReplyResponse)

    async def AddNote(self, request: pb.AddNoteRequest, _: Any) -> pb.AddNoteResponse:
        """Note something for colleagues."""
        said = await self._command(request)
        text = masked(request.text)
        note = commands_pb2.AddNote(conversation_id=request.conversation_id, text=text)
        said.add_note.CopyFrom(note)
        return await self._commands.run(said, pb.AddNoteResponse)

    async def SetStatus(self, request: pb.SetStatusRequest, _: Any) -> pb.SetStatusResponse:
        """Move the conversation."""
        said = await self._command(request)
        move = commands_pb2.SetStatus(
            conversation_id=request.conversation_id, status=request.status, reason=request.reason
        )
        said.set_status.CopyFrom(move)
        return await self._commands.run(said, pb.SetStatusResponse)

    async def WatchConversations(
        self, request: pb.WatchConversationsRequest, _: Any
    ) -> AsyncIterator[pb.WatchConversationsResponse]:
        """The live conversations, then every change."""
        conditions = _filter(request.filter)
        stream = self._watch.stream(
            caller().tenant_id, conditions, filter_text=request.filter, token=request.resume_token
        )
        async for response in stream:
            yield response

    SearchConversations = planned
    StartConversation = planned
    MergeConversations = planned
    UnmergeConversation = planned
    SplitConversation = planned
    TagConversation = planned
    ExplainThreading = planned

    async def _find(self, conversation_id: str) -> Conversation:
        found = await self._store.conversation(caller().tenant_id, conversation_id)
        if found is None:
            raise NotFound("no such conversation", reason="CONVERSATION_NOT_FOUND")
        return found

    async def _command(
        self, request: pb.ReplyRequest | pb.AddNoteRequest | pb.SetStatusRequest
    ) -> commands_pb2.IntakeInput:
        """The envelope of a command, for the home of the conversation's customer."""
        acting = actor(request.agent_id)
        found = await self._find(request.conversation_id)
        return commands_pb2.IntakeInput(
            request_id=request.request_id, actor=acting, home_id=found.home_id
        )


def _filter(text: str) -> Filter:
    try:
        return parse(text)
    except BadFilter as error:
        why = str(error)
        raise InvalidArgument(f"filter: {why}", violations=[Violation("filter", why)]) from None
