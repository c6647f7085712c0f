"""Entries of a timeline, as the contract has them."""

from __future__ import annotations

from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import events_pb2

from services.intake.core.model import Status
from services.intake.shell.store import Change, Said
from services.intake.shell.wire import names, nouns
from services.intake.shell.wire.outputs import agent_of


def entry(item: Said | Change) -> pb.TimelineEntry:
    """A message or a change."""
    if isinstance(item, Said):
        return pb.TimelineEntry(
            sequence=item.sequence,
            occurred_at_ms=item.message.occurred_at_ms,
            actor=item.message.author,
            message=nouns.message(item.message, item.delivery),
        )
    said = pb.TimelineEntry(
        sequence=item.sequence, occurred_at_ms=item.occurred_at_ms, actor=item.actor
    )
    match item.kind:
        case "opened":
            opened = events_pb2.ConversationOpened(
                reason=item.detail["reason"], follows_id=item.detail["follows_id"]
            )
            said.opened.CopyFrom(opened)
        case "status_changed":
            moved = events_pb2.StatusChanged(
                from_status=names.STATUSES.to_wire(Status(item.detail["from"])),
                to_status=names.STATUSES.to_wire(Status(item.detail["to"])),
                reason=item.detail["reason"],
                agent_id=agent_of(item.actor),
            )
            said.status_changed.CopyFrom(moved)
        case "customer_updated":
            updated = events_pb2.CustomerUpdated(changed=item.detail["changed"])
            said.customer_updated.CopyFrom(updated)
    return said
