"""Entries of a timeline, as the contract has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import events_pb2, model_pb2

from services.intake.core.model import Channel, Status
from services.intake.shell.store import Change, Said
from services.intake.shell.wire import names, nouns
from services.intake.shell.wire.outputs import agent_of


def entry(item: Said | Change) -> pb.TimelineEntry:
    """A message or a change."""
    _, conversation_id, sequence = item.place
    if isinstance(item, Said):
        return pb.TimelineEntry(
            sequence=sequence,
            conversation_id=conversation_id,
            occurred_at_ms=item.message.occurred_at_ms,
            actor=item.message.author,
            message=nouns.message(item.message, item.delivery),
        )
    said = pb.TimelineEntry(
        sequence=sequence,
        conversation_id=conversation_id,
        occurred_at_ms=item.occurred_at_ms,
        actor=item.actor,
    )
    field = getattr(said, item.kind)
    field.CopyFrom(_CHANGES[item.kind](item))
    return said


def _opened(item: Change) -> events_pb2.ConversationOpened:
    return events_pb2.ConversationOpened(
        reason=item.detail["reason"],
        follows_id=item.detail["follows_id"],
        outbound=item.detail["reason"] == "outbound",
    )


def _status_changed(item: Change) -> events_pb2.StatusChanged:
    return events_pb2.StatusChanged(
        from_status=names.STATUSES.to_wire(Status(item.detail["from"])),
        to_status=names.STATUSES.to_wire(Status(item.detail["to"])),
        reason=item.detail["reason"],
        agent_id=agent_of(item.actor),
    )


def _customer_updated(item: Change) -> events_pb2.CustomerUpdated:
    return events_pb2.CustomerUpdated(
        changed=item.detail["changed"],
        previous_customer_id=item.detail.get("previous_customer_id", ""),
        erased=item.detail.get("erased", False),
    )


def _tagged(item: Change) -> events_pb2.Tagged:
    return events_pb2.Tagged(added=item.detail["added"], removed=item.detail["removed"])


def _merged(item: Change) -> events_pb2.Merged:
    return events_pb2.Merged(
        target_conversation_id=item.detail["target"],
        source_conversation_id=item.detail["source"],
        agent_id=agent_of(item.actor),
    )


def _unmerged(item: Change) -> events_pb2.Unmerged:
    return events_pb2.Unmerged(
        target_conversation_id=item.detail["target"],
        source_conversation_id=item.detail["source"],
        agent_id=agent_of(item.actor),
    )


def _split(item: Change) -> events_pb2.ConversationSplit:
    return events_pb2.ConversationSplit(
        from_conversation_id=item.detail["from"],
        new_conversation_id=item.detail["new"],
        message_ids=item.detail["message_ids"],
        agent_id=agent_of(item.actor),
    )


def _edited(item: Change) -> events_pb2.MessageEdited:
    """What an erased customer had written is gone here too."""
    return events_pb2.MessageEdited(
        message_id=item.detail.get("message_id", ""),
        text=item.detail.get("text", ""),
        previous_text=item.detail.get("previous_text", ""),
    )


def _retracted(item: Change) -> events_pb2.MessageRetracted:
    return events_pb2.MessageRetracted(message_id=item.detail["message_id"])


def _reacted(item: Change) -> events_pb2.MessageReacted:
    return events_pb2.MessageReacted(
        message_id=item.detail.get("message_id", ""), reaction=item.detail.get("reaction", "")
    )


def _diverted(item: Change) -> events_pb2.MessageDiverted:
    """The addresses are those of the message itself, which an erasure empties."""
    message = model_pb2.Message(
        message_id=item.detail["message_id"],
        account_id=item.detail["account_id"],
        channel=names.CHANNELS.to_wire(Channel(item.detail["channel"])),
    )
    return events_pb2.MessageDiverted(
        message=message,
        reason=item.detail["reason"],
        previous_account_id=item.detail["previous_account_id"],
        previous_channel=names.CHANNELS.to_wire(Channel(item.detail["previous_channel"])),
    )


_CHANGES: Mapping[str, Callable[[Change], Any]] = {
    "opened": _opened,
    "status_changed": _status_changed,
    "customer_updated": _customer_updated,
    "tagged": _tagged,
    "merged": _merged,
    "unmerged": _unmerged,
    "conversation_split": _split,
    "message_edited": _edited,
    "message_retracted": _retracted,
    "message_reacted": _reacted,
    "message_diverted": _diverted,
}
