"""IntakeService: the door for programs. An answer means that Kafka has the message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from google.rpc import code_pb2
from switchboard.intake.v1 import intake_service_pb2 as pb
from switchboard.intake.v1.intake_service_pb2_grpc import IntakeServiceServicer

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import (
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    RpcError,
    Violation,
    translate,
)
from services.chassis.rpc.validate import check
from services.intake.core.account import Account
from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.keywords import help_for
from services.intake.core.model import Tier
from services.intake.shell import languages
from services.intake.shell.accounts import AccountBook
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.grpc_api.callers import actor
from services.intake.shell.reception import Bus
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs, nouns

STREAM_MESSAGES_MAX: Final = 10_000


class IntakeApi(IntakeServiceServicer):
    """The servicer."""

    def __init__(self, *, accounts: AccountBook, bus: Bus, clock: Clock) -> None:
        self._accounts = accounts
        self._bus = bus
        self._clock = clock

    async def SubmitMessage(
        self, request: pb.SubmitMessageRequest, _: Any
    ) -> pb.SubmitMessageResponse:
        """Publish one message."""
        message = await self._submit(request.request_id, request.message)
        return pb.SubmitMessageResponse(message_id=message.message_id, home_id=message.home_id)

    async def SubmitBatch(self, request: pb.SubmitBatchRequest, _: Any) -> pb.SubmitBatchResponse:
        """Publish each message that can be; say of every one what became of it."""
        results = await asyncio.gather(*map(self._one_of_batch, request.items))
        return pb.SubmitBatchResponse(results=results)

    async def _one_of_batch(self, item: pb.SubmitMessageRequest) -> pb.SubmitBatchResult:
        try:
            check(item)
            message = await self._submit(item.request_id, item.message)
        except (RpcError, BusUnavailable, StoreUnavailable) as error:
            refused = translate(error)
            reason = refused.reason or code_pb2.Code.Name(refused.code)
            return pb.SubmitBatchResult(
                request_id=item.request_id, reason=reason, detail=str(refused)
            )
        return pb.SubmitBatchResult(
            request_id=item.request_id, message_id=message.message_id, home_id=message.home_id
        )

    async def SubmitMessages(
        self, requests: AsyncIterator[pb.SubmitMessagesRequest], _: Any
    ) -> pb.SubmitMessagesResponse:
        """Publish each message as it comes; answer once all are durable."""
        message_ids: list[str] = []
        async for request in requests:
            if len(message_ids) == STREAM_MESSAGES_MAX:
                raise ResourceExhausted(f"at most {STREAM_MESSAGES_MAX} messages a stream")
            message = await self._submit(request.request_id, request.message)
            message_ids.append(message.message_id)
        return pb.SubmitMessagesResponse(message_ids=message_ids)

    async def _submit(self, request_id: str, said: pb.SubmittedMessage) -> ReceiveMessage:
        account = await self._account(said.account_id)
        message = _message(request_id, said, account, self._clock.now_ms())
        envelope = inputs.received(message, client_message_id=request_id, actor=actor())
        envelope.inbound_message.detected_language = languages.detected(message, account)
        await self._bus.publish(INPUTS, message.home_id, envelope)
        return message

    async def _account(self, account_id: str) -> Account:
        account = await self._accounts.get(account_id)
        if account is None or account.tenant_id != caller().tenant_id or not account.enabled:
            raise NotFound("no such account", reason="ACCOUNT_NOT_FOUND")
        return account


def _message(
    request_id: str, said: pb.SubmittedMessage, account: Account, now_ms: int
) -> ReceiveMessage:
    """The message as the threader takes it. Raises `InvalidArgument` with the field's path."""
    try:
        sender = normalise(account.channel, said.from_address, account.settings.get("region"))
    except BadAddress as error:
        raise _invalid("message.from_address", str(error)) from None
    attributes = dict(said.attributes)
    tier = _tier(attributes)
    return ReceiveMessage(
        tenant_id=account.tenant_id,
        home_id=home_id(account.tenant_id, account.channel, sender),
        account_id=account.account_id,
        channel=account.channel,
        from_address=sender,
        to_address=account.address,
        message_id=inbound_message_id(account.account_id, request_id),
        provider_message_id="",
        text=said.text,
        occurred_at_ms=min(said.occurred_at_ms or now_ms, now_ms),
        received_at_ms=now_ms,
        new_conversation_id="",
        from_name=said.from_name,
        subject=said.subject,
        language=said.language or account.language,
        pool_hint=account.pool_hint,
        tags=account.tags,
        tier=tier,
        attributes=tuple(sorted(attributes.items())),
        attachments=nouns.attachments_of(said.attachments),
        single_conversation=account.has_single_conversations,
        help_text=help_for(account.channel, said.text, account),
    )


def _tier(attributes: dict[str, str]) -> Tier | None:
    """The customer's tier, which programs state as an attribute."""
    stated = attributes.pop(inputs.TIER_ATTRIBUTE, "")
    if stated and stated not in Tier.__members__:
        raise _invalid("message.attributes[tier]", f"is none of {', '.join(Tier)}")
    return Tier(stated) if stated else None


def _invalid(field: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"{field}: {why}", violations=[Violation(field, why)])
