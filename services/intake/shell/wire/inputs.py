"""`intake.inputs.v1`: what the doors put in, and the commands that the threader makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from switchboard.intake.v1 import commands_pb2

from services.intake.core.cards import masked
from services.intake.core.commands import (
    Command,
    NoteProgress,
    ReceiveMessage,
    Say,
    SetStatus,
    UpsertCustomer,
)
from services.intake.core.identity import requested_message_id
from services.intake.core.model import Kind, Tier
from services.intake.shell.wire import names, nouns

TIER_ATTRIBUTE = "tier"
NewId = Callable[[], str]


class UnsupportedInput(ValueError):
    """An input of a kind that is in the contract and not built yet."""


def command(said: commands_pb2.IntakeInput, *, now_ms: int, new_id: NewId) -> Command:
    """What an input asks for. Raises `ValueError` for one that can never work."""
    kind = said.WhichOneof("kind")
    make = _COMMANDS.get(kind or "")
    if make is None:
        raise UnsupportedInput(f"no handler for {kind}")
    return make(said, now_ms, new_id)


def request_key(said: commands_pb2.IntakeInput) -> str | None:
    """What makes two inputs the same request; None for what is idempotent by itself."""
    kind = said.WhichOneof("kind")
    if kind == "inbound_message":
        message = said.inbound_message
        named = message.provider_message_id or message.client_message_id
        return f"{message.account_id}/{named}"
    if kind == "send_message":
        return f"{said.tenant_id}/{said.send_message.source_id}"
    return f"{said.tenant_id}/{said.request_id}" if said.request_id else None


def received(
    message: ReceiveMessage, *, client_message_id: str = "", actor: str = ""
) -> commands_pb2.IntakeInput:
    """A customer's message, as an edge publishes it. The conversation is the threader's to name.

    This is the last step before Kafka, so card numbers are masked here, for every door.
    """
    attributes = dict(message.attributes)
    if message.tier is not None:
        attributes[TIER_ATTRIBUTE] = message.tier
    return commands_pb2.IntakeInput(
        tenant_id=message.tenant_id,
        occurred_at_ms=message.occurred_at_ms,
        received_at_ms=message.received_at_ms,
        actor=actor or f"provider/{message.account_id}",
        home_id=message.home_id,
        inbound_message=commands_pb2.InboundMessage(
            account_id=message.account_id,
            channel=names.CHANNELS.to_wire(message.channel),
            provider_message_id=message.provider_message_id,
            from_address=message.from_address,
            to_address=message.to_address,
            from_name=masked(message.from_name),
            text=masked(message.text),
            subject=masked(message.subject),
            language=message.language,
            attributes=attributes,
            attachments=[nouns.attachment(item) for item in message.attachments],
            client_message_id=client_message_id,
            message_id=message.message_id,
            pool_hint=message.pool_hint,
            tags=message.tags,
        ),
    )


def receipt(note: NoteProgress, *, recipient: str, received_at_ms: int) -> commands_pb2.IntakeInput:
    """A provider's receipt, as an edge publishes it."""
    return commands_pb2.IntakeInput(
        tenant_id=note.tenant_id,
        occurred_at_ms=note.occurred_at_ms,
        received_at_ms=received_at_ms,
        actor=f"provider/{note.account_id}",
        home_id=note.home_id,
        delivery_receipt=commands_pb2.DeliveryReceipt(
            account_id=note.account_id,
            message_id=note.message_id,
            provider_message_id=note.provider_message_id,
            recipient=recipient,
            status=names.PROGRESS.to_wire(note.progress),
            error_code=note.reason,
        ),
    )


def _receive(said: commands_pb2.IntakeInput, now_ms: int, new_id: NewId) -> Command:
    message = said.inbound_message
    attributes = dict(message.attributes)
    tier = attributes.pop(TIER_ATTRIBUTE, "")
    return ReceiveMessage(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        account_id=message.account_id,
        channel=names.CHANNELS.required(message.channel),
        from_address=message.from_address,
        to_address=message.to_address,
        message_id=message.message_id,
        provider_message_id=message.provider_message_id,
        text=message.text,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        received_at_ms=said.received_at_ms or now_ms,
        new_conversation_id=new_id(),
        from_name=message.from_name,
        subject=message.subject,
        language=message.language,
        pool_hint=message.pool_hint,
        tags=tuple(message.tags),
        tier=Tier(tier) if tier in Tier.__members__ else None,
        attributes=tuple(sorted(attributes.items())),
        attachments=nouns.attachments_of(message.attachments),
    )


def _reply(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    reply = said.reply
    return Say(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=reply.conversation_id,
        message_id=requested_message_id(said.tenant_id, said.request_id),
        kind=Kind.REPLY,
        actor=said.actor,
        text=reply.text,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        source_id=said.request_id,
        then=names.STATUSES.of_wire(reply.status),
        attachments=nouns.attachments_of(reply.attachments),
    )


def _note(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    return Say(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=said.add_note.conversation_id,
        message_id=requested_message_id(said.tenant_id, said.request_id),
        kind=Kind.NOTE,
        actor=said.actor,
        text=said.add_note.text,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        source_id=said.request_id,
    )


def _send(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    asked = said.send_message
    return Say(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=asked.conversation_id,
        message_id=requested_message_id(said.tenant_id, asked.source_id),
        kind=names.kind_of_purpose(asked.purpose),
        actor=said.actor,
        text=asked.text,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        source_id=asked.source_id,
    )


def _set_status(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    return SetStatus(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=said.set_status.conversation_id,
        status=names.STATUSES.required(said.set_status.status),
        actor=said.actor,
        reason=said.set_status.reason or said.actor.partition("/")[0],
        occurred_at_ms=said.occurred_at_ms or now_ms,
    )


def _receipt(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    told = said.delivery_receipt
    return NoteProgress(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        account_id=told.account_id,
        message_id=told.message_id,
        provider_message_id=told.provider_message_id,
        progress=names.PROGRESS.required(told.status),
        reason=told.error_code,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        by_provider=True,
    )


def _result(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    told = said.delivery_result
    return NoteProgress(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        account_id="",
        message_id=told.message_id,
        provider_message_id=told.provider_message_id,
        progress=names.PROGRESS.required(told.status),
        reason=told.error,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        by_provider=False,
    )


def _upsert(said: commands_pb2.IntakeInput, _now_ms: int, _: NewId) -> Command:
    """Fields that are named are written; without names, those that are set."""
    stated, named = said.upsert_customer.customer, set(said.upsert_customer.fields)
    home = stated.identities[0]

    def is_stated(field: str) -> bool:
        return field in named if named else bool(getattr(stated, field))

    return UpsertCustomer(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        channel=names.CHANNELS.required(home.channel),
        address=home.address,
        tier=(names.TIERS.of_wire(stated.tier) or Tier.BASIC) if is_stated("tier") else None,
        language=stated.language if is_stated("language") else None,
        display_name=stated.display_name if is_stated("display_name") else None,
        attributes=tuple(sorted(stated.attributes.items())) if is_stated("attributes") else None,
    )


_COMMANDS: Mapping[str, Callable[[Any, int, NewId], Command]] = {
    "inbound_message": _receive,
    "reply": _reply,
    "add_note": _note,
    "send_message": _send,
    "set_status": _set_status,
    "delivery_receipt": _receipt,
    "delivery_result": _result,
    "upsert_customer": _upsert,
}
