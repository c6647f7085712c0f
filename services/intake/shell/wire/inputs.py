"""`intake.inputs.v1`: what the doors and the threader itself put in."""

from __future__ import annotations

from hashlib import blake2s

from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2

from services.intake.core.cards import masked
from services.intake.core.commands import (
    EditMessage,
    NoteProgress,
    ReactToMessage,
    ReceiveMessage,
    RetractMessage,
    Revision,
)
from services.intake.shell.wire import leftovers, names, nouns

TIER_ATTRIBUTE = "tier"


def request_key(said: commands_pb2.IntakeInput) -> str | None:
    """What makes two inputs the same request; None for what is idempotent by itself.

    What is forwarded is the request that it was at its first home, which did not answer it.
    """
    kind = said.WhichOneof("kind")
    if kind == "forward":
        return request_key(commands_pb2.IntakeInput.FromString(said.forward.envelope))
    if kind == "inbound_message":
        message = said.inbound_message
        named = message.provider_message_id or message.client_message_id
        return f"{message.account_id}/{named}"
    if kind in {"edit_message", "retract_message", "react_to_message"}:
        revision = getattr(said, str(kind))
        named = f"{revision.account_id}/{revision.provider_message_id}"
        again = f"/{said.request_id}" if said.request_id else ""  # it waited, and went elsewhere
        return f"{named}/{kind}/{said.occurred_at_ms}/{_change(revision)}{again}"
    if kind == "parked_item":
        return leftovers.request_key(said.parked_item)
    if kind == "send_message":
        return f"{said.tenant_id}/{said.send_message.source_id}"
    return f"{said.tenant_id}/{said.request_id}" if said.request_id else None


def _change(revision: Message) -> str:
    """What tells two revisions of one second apart: some providers tell no finer time."""
    if isinstance(revision, commands_pb2.EditMessage):
        return blake2s(revision.text.encode(), digest_size=8).hexdigest()
    return getattr(revision, "reaction", "")


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
            in_reply_to=message.in_reply_to,
            participants=message.participants,
            automatic=names.automatic_word(message.automatic),
            also_known_as=[nouns.stated_identity(each) for each in message.also_known_as],
            conversation_hint=message.conversation_hint,
            quoted_text=masked(message.quoted_text),
            original_reference=message.original_reference,
            single_conversation=message.single_conversation,
            detected_language=message.detected_language,
            help_text=message.help_text,
        ),
    )


def revised(revision: Revision, *, received_at_ms: int) -> commands_pb2.IntakeInput:
    """A change of a message by its author, or a reaction, as an edge publishes it."""
    said = commands_pb2.IntakeInput(
        tenant_id=revision.tenant_id,
        occurred_at_ms=revision.occurred_at_ms,
        received_at_ms=received_at_ms,
        actor=f"provider/{revision.account_id}",
        home_id=revision.home_id,
    )
    named = {
        "account_id": revision.account_id,
        "provider_message_id": revision.provider_message_id,
    }
    match revision:
        case EditMessage():
            edit = commands_pb2.EditMessage(**named, text=masked(revision.text))
            said.edit_message.CopyFrom(edit)
        case RetractMessage():
            said.retract_message.CopyFrom(commands_pb2.RetractMessage(**named))
        case ReactToMessage():
            reaction = commands_pb2.ReactToMessage(**named, reaction=revision.reaction)
            said.react_to_message.CopyFrom(reaction)
    return said


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
