"""What the threader's decisions leave behind: rows, events for other services, timers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.intake.v1 import commands_pb2, events_pb2

from services.chassis.bus.processor import Out
from services.intake.core.attachments import wanted
from services.intake.core.call_model import CallNoted
from services.intake.core.early import KEPT_MS
from services.intake.core.events import (
    AttachmentChanged,
    ConversationEvent,
    ConversationOpened,
    ConversationsMerged,
    ConversationSplit,
    ConversationTagged,
    ConversationUnmerged,
    CustomerEvent,
    DeliveryEvent,
    DeliveryProgressed,
    Event,
    MediaSettled,
    MessageAdded,
    MessageDiverted,
    MessageEvent,
    MessagePassedOn,
    ReceiptForwarded,
    ReceiptMatched,
    ReceiptParked,
    RevisionEvent,
    StatusChanged,
)
from services.intake.core.identity import lane
from services.intake.core.leftovers import ItemKept, ItemsForgotten, LeftoverEvent
from services.intake.core.model import Conversation, Dossier, EarlyRevision, Message, Status
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection
from services.intake.shell import rows
from services.intake.shell.consumers import forgetting
from services.intake.shell.consumers.closing import closing_timer
from services.intake.shell.consumers.customer_journal import record_of_customer
from services.intake.shell.consumers.detour_journal import record_detour
from services.intake.shell.consumers.media_journal import record_attachment, record_settled
from services.intake.shell.consumers.regrouping_journal import record_merge, record_split
from services.intake.shell.consumers.revision_journal import record_of_revision
from services.intake.shell.consumers.wanting import MediaWanted
from services.intake.shell.topics import CONVERSATIONS, INPUTS, OUTBOUND
from services.intake.shell.wire import deliveries, linking, outputs


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to a decision. `source_id` names what asked for it, `conversation_id` if it did.

    `home_id` is where it came to first; `said` is the input itself, should another home have to
    decide; a timer has none. `shard` is where it came in.
    """

    tenant_id: str
    home_id: str
    command: str
    request_id: str
    actor: str
    occurred_at_ms: int
    source_id: str = ""
    conversation_id: str = ""
    said: commands_pb2.IntakeInput | None = None
    shard: int = 0


class OutJournal:
    """A `ThreadJournal` over the engine's `Out`."""

    def __init__(self, out: Out, cause: Cause, policy: ThreadingPolicy) -> None:
        self._out = out
        self._cause = cause
        self._policy = policy
        self.rejection: Rejection | None = None

    def record(self, after: Dossier, event: Event) -> None:
        """Write down one event."""
        if isinstance(event, CustomerEvent):
            record_of_customer(self, after, event)
        elif isinstance(event, ConversationEvent):
            self._of_conversation(after, event)
        elif isinstance(event, MessageEvent):
            self._of_message(after, event)
        elif isinstance(event, RevisionEvent):
            record_of_revision(self, after, event)
        elif isinstance(event, CallNoted):
            self.put("call", rows.call_row(event.call, tenant_id=event.tenant_id))
        elif isinstance(event, LeftoverEvent):
            self._of_leftovers(event)
        else:
            self._of_delivery(after, event)

    def _of_conversation(self, after: Dossier, event: ConversationEvent) -> None:
        match event:
            case ConversationOpened():
                self._opened(after, event)
            case StatusChanged():
                self._status_changed(after, event)
            case ConversationTagged():
                self._tagged(after, event)
            case ConversationsMerged() | ConversationUnmerged():
                record_merge(self, after, event)
            case ConversationSplit():
                record_split(self, after, event)
            case _:
                assert_never(event)

    def _of_message(self, after: Dossier, event: MessageEvent) -> None:
        match event:
            case MessageAdded():
                self._message_added(after, event)
            case AttachmentChanged():
                record_attachment(self, after, event)
            case MediaSettled():
                record_settled(self, event)
            case MessagePassedOn():
                self.forward(event.home_id, after.home_id, event.conversation_id)
            case _:
                assert_never(event)

    def _of_delivery(self, after: Dossier, event: DeliveryEvent) -> None:
        match event:
            case DeliveryProgressed():
                self._progressed(after, event)
            case MessageDiverted():
                record_detour(self, after, event)
            case ReceiptForwarded():
                self._forwarded(event)
            case ReceiptParked() | ReceiptMatched():
                waiting = isinstance(event, ReceiptParked)
                row = rows.receipt_row(event.receipt, home_id=self._cause.home_id, waiting=waiting)
                self.put("parked_receipt", row)
            case _:
                assert_never(event)

    def _of_leftovers(self, event: LeftoverEvent) -> None:
        match event:
            case ItemKept(item, until_ms):
                self.put("parked_item", rows.parked_item_row(item))
                self._out.timer(forgetting.items_timer(item, until_ms), until_ms)
            case ItemsForgotten():
                self.put("parked_items_since", rows.parked_items_since_row(event))
            case _:
                assert_never(event)

    def forward(self, to_home_id: str, from_home_id: str, conversation_id: str = "") -> None:
        """Leave the input, and its request, to another home."""
        assert self._cause.said is not None, "only inputs are forwarded"
        said = linking.forwarded(
            self._cause.said,
            to_home_id=to_home_id,
            from_home_id=from_home_id,
            conversation_id=conversation_id,
        )
        self._out.pass_on()
        self.send(said)

    def send(self, said: commands_pb2.IntakeInput, *, after_all: bool = False) -> None:
        """Put an input to another home into its mailbox."""
        emit = self._out.emit_after_all if after_all else self._out.emit
        emit(INPUTS, said.home_id, said)

    def put(self, table: str, row: Mapping[str, Any]) -> None:
        """Write a row."""
        self._out.put(table, row)

    def new_id(self) -> str:
        """An id that a replay gives again."""
        return self._out.new_id()

    def keep_time(self, conversation: Conversation) -> None:
        """Close it when its window has passed, if it is resolved."""
        if conversation.status is Status.RESOLVED:
            window_ms = self._policy.reopen_window_of(conversation.channel)
            due_ms = conversation.resolved_at_ms + window_ms
            self._out.timer(closing_timer(conversation), max(due_ms, self._out.now_ms + 1))

    def forget_time(self, conversation: Conversation) -> None:
        """Whoever has it from now on closes it."""
        if conversation.status is Status.RESOLVED:
            self._out.cancel(closing_timer(conversation))

    def park(self, after: Dossier, early: EarlyRevision, *, waiting: bool) -> None:
        """Write down a revision that waits for its message, or does so no more."""
        row = rows.early_row(early, owner=after.home_id, shard=self._cause.shard, waiting=waiting)
        self.put("parked_revision", row)
        key = forgetting.early_timer(after.home_id, early.tenant_id)
        if after.early:
            self._out.timer(key, min(each.since_ms for each in after.early) + KEPT_MS)
        else:
            self._out.cancel(key)

    def want_files(self, message: Message, conversation: Conversation) -> None:
        """Have the files fetched that are still with the provider."""
        for file in wanted(message, conversation, self._out.now_ms):
            self.put("media_wanted", rows.media_row(file, shard=self._cause.shard))
            self._out.tell(MediaWanted(file))

    def deliver(self, after: Dossier, message: Message) -> None:
        """Have a message delivered as its delivery says."""
        conversation = after.conversations[message.conversation_id]
        queued = after.deliveries[message.message_id]
        self.put("message_delivery", rows.delivery_row(queued))
        asked = deliveries.request(
            message, conversation, home_id=queued.home_id, actor=message.author
        )
        self._out.emit(OUTBOUND, lane(queued.account_id, queued.home_id), asked)

    def tell(self, fact: object) -> None:
        """Let this process know."""
        self._out.tell(fact)

    def refuse(self, dossier: Dossier, rejection: Rejection) -> None:
        """Tell the conversation's readers, one of which may have asked."""
        self.rejection = rejection
        cause = self._cause
        self._out.tell(rejection)
        if not cause.conversation_id:
            return
        known = dossier.conversations.get(cause.conversation_id)
        known = known if known and known.tenant_id == cause.tenant_id else None
        envelope = self.envelope(known) if known else self._envelope_of_nobody()
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

    def _opened(self, after: Dossier, event: ConversationOpened) -> None:
        conversation = after.conversations[event.conversation.conversation_id]
        self.put_conversation(conversation)
        said = outputs.opened(event, after.customer)
        envelope = self.envelope(conversation, conversation.opened_at_ms)
        envelope.opened.CopyFrom(said)
        self.emit(envelope)
        detail = {"reason": said.reason, "follows_id": said.follows_id}
        self.change(conversation, "opened", detail, conversation.opened_at_ms)

    def _message_added(self, after: Dossier, event: MessageAdded) -> None:
        message = event.message
        conversation = after.conversations[message.conversation_id]
        self.put_conversation(conversation)
        row = rows.message_row(
            message,
            tenant_id=conversation.tenant_id,
            sequence=conversation.sequence,
            placement=event.placement,
        )
        self.put("message", row)
        for named in rows.reference_rows(event, tenant_id=conversation.tenant_id):
            self.put("mail_reference", named)
        envelope = self.envelope(conversation, message.occurred_at_ms)
        outputs.add_message(envelope, event)
        if message.kind.is_outbound:
            envelope.actor = message.author  # which an answer by itself has not from its cause
        self.emit(envelope)
        self._out.tell(event)
        self.want_files(message, conversation)
        if message.kind.is_outbound:
            self.deliver(after, message)

    def _status_changed(self, after: Dossier, event: StatusChanged) -> None:
        conversation = after.conversations[event.conversation_id]
        self.put_conversation(conversation)
        envelope = self.envelope(conversation, event.occurred_at_ms)
        envelope.status_changed.CopyFrom(outputs.status_changed(event))
        envelope.actor = event.actor
        self.emit(envelope)
        detail = {"from": event.before, "to": event.after, "reason": event.reason}
        self.change(conversation, "status_changed", detail, event.occurred_at_ms, event.actor)
        if event.before is Status.RESOLVED:
            self._out.cancel(closing_timer(conversation))
        self.keep_time(conversation)

    def _tagged(self, after: Dossier, event: ConversationTagged) -> None:
        conversation = after.conversations[event.conversation.conversation_id]
        self.put_conversation(conversation)
        envelope = self.envelope(conversation, event.at_ms)
        envelope.tagged.added.extend(event.added)
        envelope.tagged.removed.extend(event.removed)
        self.emit(envelope)
        detail = {"added": event.added, "removed": event.removed}
        self.change(conversation, "tagged", detail, event.at_ms)

    def _progressed(self, after: Dossier, event: DeliveryProgressed) -> None:
        delivery = event.delivery
        conversation = after.conversations[delivery.conversation_id]
        self.put_conversation(conversation)
        self.put("message_delivery", rows.delivery_row(delivery))
        envelope = self.envelope(conversation, delivery.at_ms)
        envelope.delivery_changed.CopyFrom(outputs.delivery_changed(event))
        self.emit(envelope)

    def _forwarded(self, event: ReceiptForwarded) -> None:
        delivery = event.delivery
        said = deliveries.callback(
            event.receipt, message_id=delivery.message_id, tenant_id=self._cause.tenant_id
        )
        self._out.emit(OUTBOUND, lane(delivery.account_id, delivery.home_id), said)

    def changed_customer(
        self, conversation: Conversation, said: events_pb2.CustomerUpdated, at_ms: int = 0
    ) -> None:
        """Tell the readers of a conversation that its customer is not as before."""
        self.put_conversation(conversation)
        envelope = self.envelope(conversation, at_ms)
        envelope.customer_updated.CopyFrom(said)
        self.emit(envelope)
        detail = {
            "changed": list(said.changed),
            "previous_customer_id": said.previous_customer_id,
            "erased": said.erased,
        }
        self.change(conversation, "customer_updated", detail, at_ms)

    def put_conversation(self, conversation: Conversation) -> None:
        """Write a conversation as it is now."""
        self.put("conversation", rows.conversation_row(conversation))

    def envelope(
        self, conversation: Conversation, occurred_at_ms: int = 0
    ) -> events_pb2.ConversationEvent:
        """The envelope of an event of the conversation, as it is after it."""
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

    def emit(self, envelope: events_pb2.ConversationEvent) -> None:
        """Publish an event."""
        self._out.emit(CONVERSATIONS, envelope.conversation.conversation_id, envelope)

    def change(
        self,
        conversation: Conversation,
        kind: str,
        detail: Mapping[str, Any],
        occurred_at_ms: int = 0,
        actor: str = "",
    ) -> None:
        """Write an entry of the timeline that is no message."""
        row = {
            "conversation_id": conversation.conversation_id,
            "sequence": conversation.sequence,
            "kind": kind,
            "actor": actor or self._cause.actor,
            "occurred_at_ms": occurred_at_ms or self._cause.occurred_at_ms,
            "detail": detail,
        }
        self.put("conversation_change", row)
