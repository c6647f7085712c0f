"""The commands that the threader makes of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from switchboard.intake.v1 import commands_pb2

from services.intake.core.commands import (
    Command,
    EditMessage,
    EraseCustomer,
    Merge,
    NoteFeedback,
    NoteProgress,
    ReactToMessage,
    ReceiveMessage,
    RetractMessage,
    Say,
    SetConsent,
    SetStatus,
    SettleMedia,
    Split,
    StartConversation,
    Tag,
    Unmerge,
    UpsertCustomer,
)
from services.intake.core.identity import inbound_message_id, requested_message_id
from services.intake.core.model import Kind, Tier
from services.intake.shell.wire import calls, leftovers, linking, names, nouns
from services.intake.shell.wire.inputs import TIER_ATTRIBUTE

NewId = Callable[[], str]


class UnsupportedInput(ValueError):
    """An input of a kind that is in the contract and not built yet."""


def command_of(said: commands_pb2.IntakeInput, *, now_ms: int, new_id: NewId) -> Command:
    """What an input asks for. Raises `ValueError` for one that can never work."""
    kind = said.WhichOneof("kind")
    make = _COMMANDS.get(kind or "")
    if make is None:
        raise UnsupportedInput(f"no handler for {kind}")
    return make(said, now_ms, new_id)


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
        in_reply_to=tuple(message.in_reply_to),
        participants=tuple(message.participants),
        automatic=names.automatic_of(message.automatic),
        also_known_as=tuple(map(nouns.stated_identity_of, message.also_known_as)),
        conversation_hint=message.conversation_hint,
        quoted_text=message.quoted_text,
        original_reference=message.original_reference,
        single_conversation=message.single_conversation,
        detected_language=message.detected_language,
        help_text=message.help_text,
    )


def _revision(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    kind = said.WhichOneof("kind") or ""
    body = getattr(said, kind)
    named = {
        "tenant_id": said.tenant_id,
        "home_id": said.home_id,
        "account_id": body.account_id,
        "provider_message_id": body.provider_message_id,
        "message_id": inbound_message_id(body.account_id, body.provider_message_id),
        "occurred_at_ms": said.occurred_at_ms or now_ms,
    }
    if kind == "edit_message":
        return EditMessage(**named, text=body.text)
    if kind == "react_to_message":
        return ReactToMessage(**named, reaction=body.reaction)
    return RetractMessage(**named)


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
        account_id=told.account_id,
        message_id=told.message_id,
        provider_message_id=told.provider_message_id,
        progress=names.PROGRESS.required(told.status),
        reason=told.error,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        by_provider=False,
        detour=nouns.detour_of(told),
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


def _start(said: commands_pb2.IntakeInput, now_ms: int, new_id: NewId) -> Command:
    asked = said.start_conversation
    return StartConversation(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        account_id=asked.account_id,
        channel=names.CHANNELS.required(asked.channel),
        account_address=asked.account_address,
        address=asked.address,
        new_conversation_id=new_id(),
        message_id=requested_message_id(said.tenant_id, said.request_id),
        actor=said.actor,
        text=asked.text,
        occurred_at_ms=said.occurred_at_ms or now_ms,
        subject=asked.subject,
        source_id=said.request_id,
        pool_hint=asked.pool_hint,
        tags=tuple(asked.tags),
    )


def _tag(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    return Tag(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=said.tag.conversation_id,
        add=tuple(said.tag.add),
        remove=tuple(said.tag.remove),
        occurred_at_ms=said.occurred_at_ms or now_ms,
    )


def _merge(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    return Merge(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=said.merge.conversation_id,
        source_conversation_id=said.merge.source_conversation_id,
        actor=said.actor,
        occurred_at_ms=said.occurred_at_ms or now_ms,
    )


def _unmerge(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    return Unmerge(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=said.unmerge.conversation_id,
        actor=said.actor,
        occurred_at_ms=said.occurred_at_ms or now_ms,
    )


def _split(said: commands_pb2.IntakeInput, now_ms: int, new_id: NewId) -> Command:
    return Split(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        conversation_id=said.split.conversation_id,
        message_ids=tuple(dict.fromkeys(said.split.message_ids)),
        new_conversation_id=new_id(),
        actor=said.actor,
        occurred_at_ms=said.occurred_at_ms or now_ms,
    )


def _set_consent(said: commands_pb2.IntakeInput, _now_ms: int, _: NewId) -> Command:
    return SetConsent(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        consent=nouns.consent_of(said.set_consent.consent),
    )


def _note_feedback(said: commands_pb2.IntakeInput, _now_ms: int, _: NewId) -> Command:
    return NoteFeedback(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        feedback=nouns.feedback_of(said.note_feedback),
    )


def _erase(said: commands_pb2.IntakeInput, now_ms: int, _: NewId) -> Command:
    return EraseCustomer(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        reason=said.erase_customer.reason,
        occurred_at_ms=said.occurred_at_ms or now_ms,
    )


def _media(said: commands_pb2.IntakeInput, _now_ms: int, _: NewId) -> Command:
    told = said.attachment_stored
    return SettleMedia(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        message_id=told.message_id,
        attachment_id=told.attachment_id,
        reference=told.reference,
        media_type=told.media_type,
        size_bytes=told.size_bytes,
        file_name=told.file_name,
        error=told.error,
    )


_COMMANDS: Mapping[str, Callable[[Any, int, NewId], Command]] = {
    "inbound_message": _receive,
    "edit_message": _revision,
    "retract_message": _revision,
    "react_to_message": _revision,
    "reply": _reply,
    "add_note": _note,
    "send_message": _send,
    "set_status": _set_status,
    "delivery_receipt": _receipt,
    "delivery_result": _result,
    "attachment_stored": _media,
    "upsert_customer": _upsert,
    "start_conversation": _start,
    "tag": _tag,
    "merge": _merge,
    "unmerge": _unmerge,
    "split": _split,
    "set_consent": _set_consent,
    "note_feedback": _note_feedback,
    "erase_customer": _erase,
    "link_identity": linking.link_identity,
    "unlink_identity": linking.unlink_identity,
    "yield_customer": linking.yield_customer,
    "hand_over": linking.take_over,
    "parked_item": leftovers.keep_item,
    "call_event": calls.note_call,
}
