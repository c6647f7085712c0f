"""What follows from what a provider has told us, or has failed to tell. The table is the rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from services.intake.core.delivery.commands import (
    Answer,
    NoteReceipt,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
from services.intake.core.delivery.events import (
    Doubted,
    Event,
    NotSeen,
    Postponed,
    Recognised,
    Settled,
)
from services.intake.core.delivery.model import Dispatch, Gate, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.model import Detour

Events = tuple[Event, ...]


def on_attempt(
    subject: Dispatch, command: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> Events:
    """The end of a call. One that was given up for lost may still bring a definite answer."""
    act = _ON_ANSWER.get((subject.phase, command.answer))
    if act is None or command.attempt != subject.attempts:
        return ()
    return act(subject, command, now_ms, policy)


def on_lookup(
    subject: Dispatch, command: ReportLookup, now_ms: int, policy: DeliveryPolicy
) -> Events:
    """The end of a look-up. That a provider lists nothing is a hint, several times a verdict."""
    if subject.phase is not Phase.LOOKING_UP or command.lookup != subject.lookups:
        return ()
    if command.sighting is Sighting.FOUND:
        return (_sent(subject, command.provider_message_id, now_ms),)
    absent = command.sighting is Sighting.ABSENT
    given_up = now_ms - subject.doubted_at_ms >= policy.doubt_window_ms
    if given_up or subject.absences + absent >= policy.absences_max:
        return (_unseen(subject, command.if_unseen, now_ms, policy),)
    due_ms = now_ms + policy.lookup_delay_ms(subject.message_id, subject.lookups)
    return (NotSeen(subject.message_id, due_ms, absent),)


def on_receipt(subject: Dispatch, command: NoteReceipt, now_ms: int) -> Events:
    """The provider speaks of it, so it has it; its lane still waits for a call under way."""
    if subject.phase is Phase.WAITING and not subject.maybe_sent:
        return ()  # nothing was attempted, or certainly in vain: it speaks of something else
    if subject.phase is not Phase.ATTEMPTING:
        return (_sent(subject, command.provider_message_id, now_ms),)
    known = subject.provider_message_id
    return () if known else (Recognised(subject.message_id, command.provider_message_id),)


def _accepted(subject: Dispatch, command: ReportAttempt, now_ms: int, _: DeliveryPolicy) -> Events:
    sent = _sent(subject, command.provider_message_id, now_ms)
    return (replace(sent, detour=_detour(subject, command)),)


def _refused(
    subject: Dispatch, command: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> Events:
    """It has failed, unless an attempt before this one may have had its effect."""
    if not subject.maybe_sent:
        detour = None if subject.provider_message_id else _detour(subject, command)
        return (replace(failed(subject, command.reason, now_ms), detour=detour),)
    if subject.phase is not Phase.ATTEMPTING:
        return ()  # the doubt that it was in is still there
    return _doubt(subject, command, now_ms, policy)


def _detour(subject: Dispatch, command: ReportAttempt) -> Detour | None:
    """How else it may go. Nothing that anybody has ever been in doubt of goes another way."""
    was_certain = subject.phase is Phase.ATTEMPTING and not subject.doubted_at_ms
    return command.detour if was_certain and not subject.maybe_sent else None


def _retry(
    subject: Dispatch, command: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> Events:
    maybe_sent = subject.maybe_sent or command.answer is Answer.REPEATABLE
    if subject.tries >= (subject.attempts_max or policy.attempts_max):
        if maybe_sent:
            return _doubt(subject, command, now_ms, policy)
        return (failed(subject, f"gave_up: {command.reason}", now_ms),)
    delay_ms = policy.retry_delay_ms(subject.message_id, subject.tries, command.retry_after_ms)
    postponed = Postponed(
        message_id=subject.message_id,
        due_ms=now_ms + delay_ms,
        reason=command.reason,
        forgiven=subject.forgiven,
        maybe_sent=maybe_sent,
    )
    return (postponed,)


def _doubt(
    subject: Dispatch, command: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> Events:
    if subject.provider_message_id:  # a receipt has named it while the call was under way
        return (_sent(subject, "", now_ms),)
    due_ms = now_ms + policy.lookup_delay_ms(subject.message_id, 0)
    maybe_sent = command.answer is Answer.REPEATABLE
    return (Doubted(subject.message_id, now_ms, due_ms, command.reason, maybe_sent),)


_ON_ANSWER: Mapping[
    tuple[Phase, Answer],
    Callable[[Dispatch, ReportAttempt, int, DeliveryPolicy], Events],
] = {
    (Phase.ATTEMPTING, Answer.ACCEPTED): _accepted,
    (Phase.ATTEMPTING, Answer.REFUSED): _refused,
    (Phase.ATTEMPTING, Answer.NOT_ACCEPTED): _retry,
    (Phase.ATTEMPTING, Answer.UNKNOWN): _doubt,
    (Phase.ATTEMPTING, Answer.REPEATABLE): _retry,
    (Phase.IN_DOUBT, Answer.ACCEPTED): _accepted,
    (Phase.IN_DOUBT, Answer.REFUSED): _refused,
    (Phase.IN_DOUBT, Answer.NOT_ACCEPTED): _retry,
    (Phase.LOOKING_UP, Answer.ACCEPTED): _accepted,
    (Phase.LOOKING_UP, Answer.REFUSED): _refused,
    (Phase.LOOKING_UP, Answer.NOT_ACCEPTED): _retry,
    (Phase.UNCERTAIN, Answer.ACCEPTED): _accepted,
    (Phase.UNCERTAIN, Answer.REFUSED): _refused,
    (Phase.UNCERTAIN, Answer.NOT_ACCEPTED): _refused,  # its lane has gone on without it
}


def failed(subject: Dispatch, reason: str, now_ms: int) -> Settled:
    """It did not reach the provider, and will not."""
    return Settled(
        message_id=subject.message_id,
        phase=Phase.FAILED,
        provider_message_id=subject.provider_message_id,
        reason=reason,
        at_ms=now_ms,
    )


def expired(
    subject: Dispatch, gate: Gate | None, now_ms: int, policy: DeliveryPolicy
) -> Settled | Doubted:
    """It is not worth sending any more; the reason says so if its account's gate is why."""
    barrier = gate.barrier if gate is not None else None
    reason = f"expired: {barrier}" if barrier is not None else "expired"
    if subject.maybe_sent:
        due_ms = now_ms + policy.lookup_delay_ms(subject.message_id, 0)
        return Doubted(subject.message_id, now_ms, due_ms, reason)
    return failed(subject, reason, now_ms)


def _sent(subject: Dispatch, provider_message_id: str, now_ms: int) -> Settled:
    return Settled(
        message_id=subject.message_id,
        phase=Phase.SENT,
        provider_message_id=provider_message_id or subject.provider_message_id,
        reason="",
        at_ms=now_ms,
    )


def _unseen(subject: Dispatch, phase: Phase, now_ms: int, policy: DeliveryPolicy) -> Settled:
    """Nobody knows, and the account says what that counts as; evidence may yet come."""
    waits = phase is Phase.UNCERTAIN
    return Settled(
        message_id=subject.message_id,
        phase=phase,
        provider_message_id=subject.provider_message_id,
        reason=f"unseen: {subject.reason}",
        at_ms=now_ms,
        forget_at_ms=now_ms + policy.evidence_window_ms if waits else 0,
    )
