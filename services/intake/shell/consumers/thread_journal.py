"""What the threader's decisions leave behind: rows, events for other services, timers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.intake.v1 import events_pb2

from services.chassis.bus.processor import Out
from services.intake.core.events import (
    ConversationOpened,
    CustomerAdded,
    CustomerUpdated,
    DeliveryProgressed,
    Event,
    MessageAdded,
    ReceiptForwarded,
    ReceiptMatched,
    ReceiptParked,
    StatusChanged,
)
from services.intake.core.identity import lane
from services.intake.core.model import Conversation, Dossier, Status
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection
from services.intake.shell import rows
from services.intake.shell.consumers.closing import closing_timer
from services.intake.shell.topics import CONVERSATIONS, OUTBOUND
from services.intake.shell.wire import deliveries, outputs


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to a decision. `source_id` names what asked for it, `conversation_id` if it did."""

    tenant_id: str
    command: str
    request_id: str
    actor: str
    occurred_at_ms: int
    source_id: str = ""
    conversation_id: str = ""


class OutJournal:
    """A `ThreadJournal` over the engine's `Out`."""

    def __init__(self, out: Out, cause: Cause, policy: ThreadingPolicy) -> None:
        self._out = out
        self._cause = cause
        self._policy = policy
        self.rejection: Rejection | None = None

    def record(self, after: Dossier, event: Event) -> None:
        """Write down one event."""
        match event:
            case CustomerAdded():
                self._out.put("customer", rows.customer_row(event.customer))
            case CustomerUpdated():
                self._customer_updated(after, event)
            case ConversationOpened():
                self._opened(after, event)
            case MessageAdded():
                self._message_added(after, event)
            case StatusChanged():
                self._status_changed(after, event)
            case DeliveryProgressed():
                self._progressed(after, event)
            case ReceiptForwarded():
                self._forwarded(after, event)
            case ReceiptParked() | ReceiptMatched():
                waiting = isinstance(event, ReceiptParked)
                row = rows.receipt_row(event.receipt, home_id=after.home_id, waiting=waiting)
                self._out.put("parked_receipt", row)
            case _:
                assert_never(event)

    def refuse(self, dossier: Dossier, rejection: Rejection) -> None:
        """Tell the conversation's readers, one of which may have asked."""
        self.rejection = rejection
        cause = self._cause
        self._out.tell(rejection)
        if not cause.conversation_id:
            return
        known = dossier.conversations.get(cause.conversation_id)
        known = known if known and known.tenant_id == cause.tenant_id else None
        envelope = self._envelope(known) if known else self._envelope_of_nobody()
        said = outputs.rejected(rejection, command=cause.command, source_id=cause.source_id)
        envelope.command_rejected.CopyFrom(said)
        self._out.emit(CONVERSATIONS, cause.conversation_id, envelope)

    def outcome(self, request_key: str, result: Any) -> None:
        """Answer the request: `result` is the response message, None for a refusal."""
        rejection = self.rejection
        self._out.outcome(
            CommandOutcome(
                request_key=request_key,
                accepted=rejection is None,
                reason=rejection.reason if rejection else "",
                detail=rejection.detail if rejection else "",
                result_type="" if result is None else result.DESCRIPTOR.full_name,
                result=b"" if result is None else result.SerializeToString(),
                decided_ms=self._out.now_ms,
            )
        )

    def _customer_updated(self, after: Dossier, event: CustomerUpdated) -> None:
        self._out.put("customer", rows.customer_row(event.customer))
        if after.live is None:
            return
        self._put(after.live)
        envelope = self._envelope(after.live)
        envelope.customer_updated.CopyFrom(outputs.customer_updated(event))
        self._emit(envelope)
        self._change(after.live, "customer_updated", {"changed": event.changed})

    def _opened(self, after: Dossier, event: ConversationOpened) -> None:
        conversation = after.conversations[event.conversation.conversation_id]
        self._put(conversation)
        said = outputs.opened(event)
        envelope = self._envelope(conversation, conversation.opened_at_ms)
        envelope.opened.CopyFrom(said)
        self._emit(envelope)
        detail = {"reason": said.reason, "follows_id": said.follows_id}
        self._change(conversation, "opened", detail, conversation.opened_at_ms)

    def _message_added(self, after: Dossier, event: MessageAdded) -> None:
        message = event.message
        conversation = after.conversations[message.conversation_id]
        self._put(conversation)
        row = rows.message_row(
            message, tenant_id=conversation.tenant_id, sequence=conversation.sequence
        )
        self._out.put("message", row)
        envelope = self._envelope(conversation, message.occurred_at_ms)
        outputs.add_message(envelope, event)
        self._emit(envelope)
        self._out.tell(event)
        if message.kind.is_outbound:
            queued = after.deliveries[message.message_id]
            self._out.put(
                "message_delivery", rows.delivery_row(queued, home_id=conversation.home_id)
            )
            asked = deliveries.request(message, conversation, actor=self._cause.actor)
            self._out.emit(OUTBOUND, deliveries.lane_of(message, conversation), asked)

    def _status_changed(self, after: Dossier, event: StatusChanged) -> None:
        conversation = after.conversations[event.conversation_id]
        self._put(conversation)
        envelope = self._envelope(conversation, event.occurred_at_ms)
        envelope.status_changed.CopyFrom(outputs.status_changed(event))
        envelope.actor = event.actor
        self._emit(envelope)
        detail = {"from": event.before, "to": event.after, "reason": event.reason}
        self._change(conversation, "status_changed", detail, event.occurred_at_ms, event.actor)
        timer = closing_timer(conversation)
        if event.after is Status.RESOLVED:
            due_ms = conversation.resolved_at_ms + self._policy.reopen_window_ms
            self._out.timer(timer, max(due_ms, self._out.now_ms + 1))
        elif event.before is Status.RESOLVED:
            self._out.cancel(timer)

    def _progressed(self, after: Dossier, event: DeliveryProgressed) -> None:
        delivery = event.delivery
        conversation = after.conversations[delivery.conversation_id]
        self._put(conversation)
        self._out.put("message_delivery", rows.delivery_row(delivery, home_id=conversation.home_id))
        envelope = self._envelope(conversation, delivery.at_ms)
        envelope.delivery_changed.CopyFrom(outputs.delivery_changed(event))
        self._emit(envelope)

    def _forwarded(self, after: Dossier, event: ReceiptForwarded) -> None:
        delivery = event.delivery
        said = deliveries.callback(
            event.receipt, message_id=delivery.message_id, tenant_id=self._cause.tenant_id
        )
        self._out.emit(OUTBOUND, lane(delivery.account_id, after.home_id), said)

    def _put(self, conversation: Conversation) -> None:
        self._out.put("conversation", rows.conversation_row(conversation))

    def _envelope(
        self, conversation: Conversation, occurred_at_ms: int = 0
    ) -> events_pb2.ConversationEvent:
        return outputs.event(
            conversation,
            event_id=self._out.new_id(),
            occurred_at_ms=occurred_at_ms or self._cause.occurred_at_ms,
            request_id=self._cause.request_id,
            actor=self._cause.actor,
        )

    def _envelope_of_nobody(self) -> events_pb2.ConversationEvent:
        return events_pb2.ConversationEvent(
            event_id=self._out.new_id(),
            conversation=outputs.nobody(self._cause.tenant_id),
            occurred_at_ms=self._cause.occurred_at_ms,
            request_id=self._cause.request_id,
            actor=self._cause.actor,
        )

    def _emit(self, envelope: events_pb2.ConversationEvent) -> None:
        self._out.emit(CONVERSATIONS, envelope.conversation.conversation_id, envelope)

    def _change(
        self,
        conversation: Conversation,
        kind: str,
        detail: Mapping[str, Any],
        occurred_at_ms: int = 0,
        actor: str = "",
    ) -> None:
        row = {
            "conversation_id": conversation.conversation_id,
            "sequence": conversation.sequence,
            "kind": kind,
            "actor": actor or self._cause.actor,
            "occurred_at_ms": occurred_at_ms or self._cause.occurred_at_ms,
            "detail": detail,
        }
        self._out.put("conversation_change", row)
