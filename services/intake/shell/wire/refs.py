"""A conversation as its events tell of it: enough for a filter, not for a decision."""

from __future__ import annotations

from switchboard.intake.v1 import events_pb2

from services.intake.core.model import Channel, Conversation, Status, Tier
from services.intake.shell.wire import names


def conversation_of(event: events_pb2.ConversationEvent) -> Conversation:
    """The conversation of an event; what events do not carry is empty."""
    ref = event.conversation
    return Conversation(
        conversation_id=ref.conversation_id,
        tenant_id=ref.tenant_id,
        customer_id=ref.customer_id,
        home_id=ref.home_id,
        account_id=ref.account_id,
        channel=names.CHANNELS.of_wire(ref.channel) or Channel.API,
        address=ref.address,
        account_address="",
        tier=names.TIERS.of_wire(ref.tier) or Tier.BASIC,
        language=ref.language,
        status=names.STATUSES.of_wire(ref.status) or Status.OPEN,
        opened_at_ms=ref.opened_at_ms,
        updated_at_ms=event.occurred_at_ms,
        pool_hint=ref.pool_hint,
        tags=tuple(ref.tags),
        sequence=event.sequence,
    )
