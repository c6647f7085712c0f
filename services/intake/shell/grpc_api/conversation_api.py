"""ConversationService: reads from the tables, writes through the conversation's owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from switchboard.intake.v1 import commands_pb2
from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceServicer

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import InvalidArgument, NotFound, Violation
from services.chassis.rpc.paging import page_size, position_of, token_after
from services.intake.core.cards import masked
from services.intake.core.identity import home_id
from services.intake.core.model import Conversation
from services.intake.shell.accounts import AccountBook
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.customer_store import CustomerStore
from services.intake.shell.filters import BadFilter, Filter, parse
from services.intake.shell.grpc_api.attachments import Attachments
from services.intake.shell.grpc_api.callers import actor
from services.intake.shell.grpc_api.commands import Commands
from services.intake.shell.grpc_api.people import find_customer
from services.intake.shell.store import After, ConversationStore, Hit
from services.intake.shell.watching import ConversationWatch
from services.intake.shell.wire import names, nouns, timeline

OPEN_MATTERS_MAX: Final = 20


class ConversationApi(ConversationServiceServicer):
    """The servicer."""

    def __init__(
        self,
        *,
        store: ConversationStore,
        customers: CustomerStore,
        accounts: AccountBook,
        commands: Commands,
        watch: ConversationWatch,
        attachments: Attachments,
    ) -> None:
        self._accounts = accounts
        self._attachments = attachments
        self._store = store
        self._customers = customers
        self._commands = commands
        self._watch = watch

    async def GetConversation(
        self, request: pb.GetConversationRequest, _: Any
    ) -> pb.GetConversationResponse:
        """One conversation as it is now, with its customer and their other open matters."""
        found = await self._find(request.conversation_id)
        answer = pb.GetConversationResponse(conversation=nouns.conversation(found))
        customer = await find_customer(self._customers, found.tenant_id, found.customer_id)
        if customer is not None:
            answer.customer.CopyFrom(nouns.customer(customer))
            others = await self._store.live_of(
                customer, but=found.conversation_id, limit=OPEN_MATTERS_MAX
            )
            answer.open_matters.extend(map(nouns.conversation, others))
        return answer

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

    async def SearchConversations(
        self, request: pb.SearchConversationsRequest, _: Any
    ) -> pb.SearchConversationsResponse:
        """A page of messages that hold the words, the latest first, with their conversations."""
        size, position = page_size(request), position_of(request)
        found = await self._store.search(
            caller().tenant_id,
            request.query,
            _filter(request.filter),
            after=After(*position) if position else None,
            limit=size + 1,
        )
        page = pb.SearchConversationsResponse(hits=map(_hit, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            page.next_page_token = token_after(request, [last.occurred_at_ms, last.message_id])
        return page

    async def GetTimeline(self, request: pb.GetTimelineRequest, _: Any) -> pb.GetTimelineResponse:
        """A page of what happened in a conversation, in order."""
        size, position = page_size(request), position_of(request)
        await self._find(request.conversation_id)
        found = await self._store.timeline(
            request.conversation_id,
            after=(position[0], position[1], position[2]) if position else None,
            limit=size + 1,
        )
        page = pb.GetTimelineResponse(entries=[timeline.entry(item) for item in found[:size]])
        if len(found) > size:
            page.next_page_token = token_after(request, list(found[size - 1].place))
        return page

    async def ExplainThreading(
        self, request: pb.ExplainThreadingRequest, _: Any
    ) -> pb.ExplainThreadingResponse:
        """Why a message of a customer is in its conversation."""
        found = await self._store.threading(caller().tenant_id, request.message_id)
        if found is None:
            raise NotFound("no such message", reason="MESSAGE_NOT_FOUND")
        conversation_id, why = found
        return pb.ExplainThreadingResponse(
            conversation_id=conversation_id,
            threaded_by=why.get("rule", ""),
            confidence=why.get("confidence", 0.0),
            steps=[
                pb.ThreadingStep(
                    rule=step["rule"].lower(),
                    matched=step["matched"],
                    conversation_id=step["conversation_id"],
                    detail=step["detail"],
                )
                for step in why.get("steps", ())
            ],
        )

    async def StartConversation(
        self, request: pb.StartConversationRequest, _: Any
    ) -> pb.StartConversationResponse:
        """Write to a customer first."""
        account = await self._accounts.get(request.account_id)
        if account is None or account.tenant_id != caller().tenant_id or not account.enabled:
            raise NotFound("no such account", reason="ACCOUNT_NOT_FOUND")
        try:
            region = account.settings.get("region")
            address = normalise(account.channel, request.address, region)
        except BadAddress as error:
            why = [Violation("address", str(error))]
            raise InvalidArgument(f"address: {error}", violations=why) from None
        start = commands_pb2.StartConversation(
            account_id=account.account_id,
            address=address,
            subject=masked(request.subject),
            text=masked(request.text),
            tags=dict.fromkeys((*account.tags, *request.tags)),
            channel=names.CHANNELS.to_wire(account.channel),
            account_address=account.address,
            pool_hint=account.pool_hint,
        )
        said = commands_pb2.IntakeInput(
            request_id=request.request_id,
            actor=actor(request.agent_id),
            home_id=home_id(account.tenant_id, account.channel, address),
            start_conversation=start,
        )
        return await self._commands.run(said, pb.StartConversationResponse)

    async def Reply(self, request: pb.ReplyRequest, _: Any) -> pb.ReplyResponse:
        """Answer the customer; the conversation's owner decides, delivery sends."""
        said = await self._command(request)
        reply = commands_pb2.Reply(
            conversation_id=request.conversation_id,
            text=masked(request.text),
            attachments=await self._attachments.named(request.attachments),
            status=request.status,
        )
        said.reply.CopyFrom(reply)
        return await self._commands.run(said, pb.ReplyResponse)

    async def UploadAttachment(
        self, requests: AsyncIterator[pb.UploadAttachmentRequest], _: Any
    ) -> pb.UploadAttachmentResponse:
        """Take a file for an answer."""
        return await self._attachments.take(requests)

    async def DownloadAttachment(
        self, request: pb.DownloadAttachmentRequest, _: Any
    ) -> AsyncIterator[pb.DownloadAttachmentResponse]:
        """A file of a message."""
        async with aclosing(self._attachments.give(request)) as responses:
            async for response in responses:
                yield response

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

    async def TagConversation(
        self, request: pb.TagConversationRequest, _: Any
    ) -> pb.TagConversationResponse:
        """Add and remove tags."""
        said = await self._command(request)
        tag = commands_pb2.Tag(
            conversation_id=request.conversation_id, add=request.add, remove=request.remove
        )
        said.tag.CopyFrom(tag)
        return await self._commands.run(said, pb.TagConversationResponse)

    async def MergeConversations(
        self, request: pb.MergeConversationsRequest, _: Any
    ) -> pb.MergeConversationsResponse:
        """End one conversation of a customer in another."""
        said = await self._command(request)
        merge = commands_pb2.Merge(
            conversation_id=request.conversation_id,
            source_conversation_id=request.source_conversation_id,
        )
        said.merge.CopyFrom(merge)
        return await self._commands.run(said, pb.MergeConversationsResponse)

    async def UnmergeConversation(
        self, request: pb.UnmergeConversationRequest, _: Any
    ) -> pb.UnmergeConversationResponse:
        """Take a conversation out of the one that it was merged into."""
        said = await self._command(request)
        said.unmerge.CopyFrom(commands_pb2.Unmerge(conversation_id=request.conversation_id))
        return await self._commands.run(said, pb.UnmergeConversationResponse)

    async def SplitConversation(
        self, request: pb.SplitConversationRequest, _: Any
    ) -> pb.SplitConversationResponse:
        """Move messages into a new conversation."""
        said = await self._command(request)
        split = commands_pb2.Split(
            conversation_id=request.conversation_id, message_ids=request.message_ids
        )
        said.split.CopyFrom(split)
        return await self._commands.run(said, pb.SplitConversationResponse)

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

    async def _find(self, conversation_id: str) -> Conversation:
        found = await self._store.conversation(caller().tenant_id, conversation_id)
        if found is None:
            raise NotFound("no such conversation", reason="CONVERSATION_NOT_FOUND")
        return found

    async def _command(
        self,
        request: pb.ReplyRequest
        | pb.AddNoteRequest
        | pb.SetStatusRequest
        | pb.TagConversationRequest
        | pb.MergeConversationsRequest
        | pb.UnmergeConversationRequest
        | pb.SplitConversationRequest,
    ) -> commands_pb2.IntakeInput:
        """The envelope of a command, for the home of the conversation's customer."""
        acting = actor(getattr(request, "agent_id", ""))
        found = await self._find(request.conversation_id)
        return commands_pb2.IntakeInput(
            request_id=request.request_id, actor=acting, home_id=found.home_id
        )


def _hit(found: Hit) -> pb.SearchHit:
    return pb.SearchHit(
        conversation=nouns.conversation(found.conversation),
        message_id=found.message_id,
        snippet=found.snippet,
    )


def _filter(text: str) -> Filter:
    try:
        return parse(text)
    except BadFilter as error:
        why = str(error)
        raise InvalidArgument(f"filter: {why}", violations=[Violation("filter", why)]) from None
