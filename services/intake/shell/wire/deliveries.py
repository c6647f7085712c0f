"""`intake.outbound.v1`: what is to be delivered, and how calls ended."""

from __future__ import annotations

from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.account import IfUnseen
from services.intake.core.delivery.commands import (
    Answer,
    Command,
    Deliver,
    NoteReceipt,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
from services.intake.core.delivery.events import Settled
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.model import Conversation, Message, Progress, Receipt
from services.intake.shell.wire import names, nouns

PROGRESS_OF = {
    Phase.SENT: Progress.SENT,
    Phase.FAILED: Progress.FAILED,
    Phase.UNCERTAIN: Progress.UNCERTAIN,
}
_PHASE_IF_UNSEEN = {
    IfUnseen.HOLD: Phase.UNCERTAIN,
    IfUnseen.FAIL: Phase.FAILED,
    IfUnseen.ASSUME_SENT: Phase.SENT,
}
_ANSWERS = {
    # by status, whether another attempt is allowed, and whether this one may have had its effect
    (model_pb2.DELIVERY_STATUS_SENT, False, False): Answer.ACCEPTED,
    (model_pb2.DELIVERY_STATUS_FAILED, False, False): Answer.REFUSED,
    (model_pb2.DELIVERY_STATUS_FAILED, True, False): Answer.NOT_ACCEPTED,
    (model_pb2.DELIVERY_STATUS_UNCERTAIN, False, False): Answer.UNKNOWN,
    (model_pb2.DELIVERY_STATUS_FAILED, True, True): Answer.REPEATABLE,
}
_STATUSES = {answer: told for told, answer in _ANSWERS.items()}


def request(
    message: Message, conversation: Conversation, *, home_id: str, actor: str
) -> commands_pb2.OutboundMessage:
    """A message that is to be delivered.

    Over another account than its conversation's it answers nothing, and goes to nobody else.
    """
    is_answer = message.account_id == conversation.account_id
    answers_id = conversation.answers_id if is_answer else ""
    return commands_pb2.OutboundMessage(
        tenant_id=conversation.tenant_id,
        occurred_at_ms=message.occurred_at_ms,
        received_at_ms=message.received_at_ms,
        actor=actor,
        request=commands_pb2.OutboundRequest(
            message_id=message.message_id,
            account_id=message.account_id,
            channel=names.CHANNELS.to_wire(message.channel),
            recipient=message.to_address,
            text=message.text,
            subject=message.subject or conversation.subject,
            conversation_id=message.conversation_id,
            home_id=home_id,
            purpose=names.purpose(message.kind),
            attachments=[nouns.attachment(item) for item in message.attachments],
            in_reply_to=answers_id,
            last_inbound_at_ms=conversation.last_inbound_at_ms if is_answer else 0,
            references=[answers_id] if answers_id else [],
            participants=conversation.participants if is_answer else (),
        ),
    )


def callback(receipt: Receipt, *, message_id: str, tenant_id: str) -> commands_pb2.OutboundMessage:
    """A provider's word about a message that delivery may be in doubt of."""
    told = commands_pb2.DeliveryReceipt(
        account_id=receipt.account_id,
        message_id=message_id,
        provider_message_id=receipt.provider_message_id,
        status=names.PROGRESS.to_wire(receipt.progress),
        error_code=receipt.reason,
    )
    return commands_pb2.OutboundMessage(
        tenant_id=tenant_id,
        occurred_at_ms=receipt.at_ms,
        actor=f"provider/{receipt.account_id}",
        callback=commands_pb2.DeliveryCallback(receipt=told),
    )


def attempt_result(dispatch: Dispatch, report: ReportAttempt) -> commands_pb2.OutboundMessage:
    """How a call ended."""
    status, retryable, maybe_sent = _STATUSES[report.answer]
    untold = commands_pb2.PROVIDER_CONTACT_UNSPECIFIED
    return commands_pb2.OutboundMessage(
        tenant_id=dispatch.tenant_id,
        actor="service/intake",
        attempt_result=commands_pb2.AttemptResult(
            message_id=report.message_id,
            attempt=report.attempt,
            status=status,
            provider_message_id=report.provider_message_id,
            error=report.reason,
            retryable=retryable,
            retry_after_ms=report.retry_after_ms,
            contact=names.CONTACTS.to_wire(report.contact) if report.contact else untold,
            provider=report.provider,
            maybe_sent=maybe_sent,
            account_id=dispatch.account_id,
            detour=nouns.detour(report.detour),
        ),
    )


def lookup_result(
    dispatch: Dispatch, report: ReportLookup, if_unseen: IfUnseen
) -> commands_pb2.OutboundMessage:
    """How a look-up ended, and what the account makes of a message that is never seen."""
    return commands_pb2.OutboundMessage(
        tenant_id=dispatch.tenant_id,
        actor="service/intake",
        lookup_result=commands_pb2.LookupResult(
            message_id=report.message_id,
            lookup=report.lookup,
            sighting=names.SIGHTINGS.to_wire(report.sighting),
            provider_message_id=report.provider_message_id,
            uncertain_policy=names.IF_UNSEEN.to_wire(if_unseen),
            account_id=dispatch.account_id,
        ),
    )


def result(dispatch: Dispatch, settled: Settled) -> commands_pb2.IntakeInput:
    """What the threader is told: where the message stands now."""
    return commands_pb2.IntakeInput(
        tenant_id=dispatch.tenant_id,
        occurred_at_ms=settled.at_ms,
        received_at_ms=settled.at_ms,
        actor="service/intake",
        home_id=dispatch.home_id,
        delivery_result=commands_pb2.DeliveryResult(
            message_id=dispatch.message_id,
            attempt=dispatch.attempts,
            status=names.PROGRESS.to_wire(PROGRESS_OF[settled.phase]),
            provider_message_id=settled.provider_message_id,
            error=settled.reason,
            conversation_id=dispatch.conversation_id,
            account_id=dispatch.account_id,
            detour=nouns.detour(settled.detour),
        ),
    )


def command(said: commands_pb2.OutboundMessage, *, position: int, now_ms: int) -> Command:
    """What a record asks of delivery. Raises `ValueError` for one that can never work."""
    match said.WhichOneof("kind"):
        case "request":
            return Deliver(_dispatch(said, position, now_ms))
        case "attempt_result":
            return _reported(said.attempt_result)
        case "lookup_result":
            return _looked_up(said.lookup_result)
        case "callback":
            told = said.callback.receipt
            return NoteReceipt(told.message_id, told.provider_message_id, told.account_id)
        case kind:
            raise ValueError(f"no handler for {kind}")


def subject_id(said: commands_pb2.OutboundMessage) -> str:
    """The id of the message that a record is about."""
    match said.WhichOneof("kind"):
        case "request":
            return said.request.message_id
        case "attempt_result":
            return said.attempt_result.message_id
        case "lookup_result":
            return said.lookup_result.message_id
        case _:
            return said.callback.receipt.message_id


def _dispatch(said: commands_pb2.OutboundMessage, position: int, now_ms: int) -> Dispatch:
    asked = said.request
    return Dispatch(
        message_id=asked.message_id,
        tenant_id=said.tenant_id,
        conversation_id=asked.conversation_id,
        home_id=asked.home_id,
        account_id=asked.account_id,
        channel=names.CHANNELS.required(asked.channel),
        recipient=asked.recipient,
        subject=asked.subject,
        text=asked.text,
        position=position,
        queued_at_ms=now_ms,
        attempts_max=asked.max_attempts,
        expires_at_ms=asked.expires_at_ms,
        kind=names.kind_of_purpose(asked.purpose),
        attachments=nouns.attachments_of(asked.attachments),
        in_reply_to=asked.in_reply_to,
        references=tuple(asked.references),
        participants=tuple(asked.participants),
        last_inbound_at_ms=asked.last_inbound_at_ms,
        template=asked.template,
    )


def _reported(told: commands_pb2.AttemptResult) -> ReportAttempt:
    return ReportAttempt(
        message_id=told.message_id,
        attempt=told.attempt,
        answer=_ANSWERS[told.status, told.retryable, told.maybe_sent],
        provider_message_id=told.provider_message_id,
        reason=told.error,
        retry_after_ms=told.retry_after_ms,
        contact=names.CONTACTS.of_wire(told.contact),
        provider=told.provider,
        account_id=told.account_id,
        detour=nouns.detour_of(told),
    )


def _looked_up(told: commands_pb2.LookupResult) -> ReportLookup:
    policy = names.IF_UNSEEN.of_wire(told.uncertain_policy) or IfUnseen.HOLD
    return ReportLookup(
        message_id=told.message_id,
        lookup=told.lookup,
        sighting=names.SIGHTINGS.of_wire(told.sighting) or Sighting.UNAVAILABLE,
        provider_message_id=told.provider_message_id,
        if_unseen=_PHASE_IF_UNSEEN[policy],
        account_id=told.account_id,
    )
