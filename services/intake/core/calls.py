"""Telephone calls: a call is a message of its caller's, whose text says what became of it.

It comes as a message when it rings, once, and joins or opens a conversation as any other. What is
told later, in whatever order, only adds to what is known. Somebody who was not reached still waits:
a conversation that was settled meanwhile is open again.

    told by                          what it adds                               by Twilio's
    the call itself                  how far it is, how long it took            status callback
    the attempt to connect a person  whether one was reached, how long for      action of <Dial>
    the mailbox                      a recording, its text                      action of <Record>

Twilio tells in no order that it promises: https://www.twilio.com/docs/voice/api/call-resource
("Statuscallback events", "Call status values"), /docs/voice/twiml/dial and /record. A call that
only a machine has answered is completed to it, so what became of the connection counts for more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from services.intake.core.call_model import Call, CallNoted, CallState, Forwarding, NoteCall
from services.intake.core.events import Event, MessageEdited, StatusChanged
from services.intake.core.model import Attachment, Dossier, Message, Status
from services.intake.core.refusals import Reason, Rejection

RINGING_TEXT: Final = "[call]"
"""What a call says while it rings."""


class Outcome(StrEnum):
    """What became of a call, for whoever reads the conversation."""

    UNDER_WAY = "UNDER_WAY"
    ANSWERED = "ANSWERED"
    MISSED = "MISSED"
    BUSY = "BUSY"
    FAILED = "FAILED"
    RECORDED = "RECORDED"


_STEP: Final[Mapping[CallState, int]] = {
    # Only a later one is news; of those that end a call the first that is told stays.
    CallState.QUEUED: 0,
    CallState.RINGING: 1,
    CallState.IN_PROGRESS: 2,
    CallState.COMPLETED: 3,
    CallState.BUSY: 3,
    CallState.NO_ANSWER: 3,
    CallState.FAILED: 3,
    CallState.CANCELED: 3,
}
ENDED: Final = frozenset(state for state, step in _STEP.items() if step == max(_STEP.values()))

_BY_FORWARDING: Final[Mapping[Forwarding, Outcome]] = {
    Forwarding.ANSWERED: Outcome.ANSWERED,
    Forwarding.BUSY: Outcome.BUSY,
    Forwarding.NO_ANSWER: Outcome.MISSED,
    Forwarding.FAILED: Outcome.FAILED,
}
_BY_STATE: Final[Mapping[CallState, Outcome]] = {
    CallState.QUEUED: Outcome.UNDER_WAY,
    CallState.RINGING: Outcome.UNDER_WAY,
    CallState.IN_PROGRESS: Outcome.UNDER_WAY,
    CallState.COMPLETED: Outcome.ANSWERED,
    CallState.BUSY: Outcome.BUSY,
    CallState.NO_ANSWER: Outcome.MISSED,
    CallState.FAILED: Outcome.FAILED,
    CallState.CANCELED: Outcome.MISSED,
}
_WAITS: Final = frozenset({Outcome.MISSED, Outcome.BUSY, Outcome.FAILED, Outcome.RECORDED})
"""Whoever was not reached waits for a call back."""


def note(dossier: Dossier, command: NoteCall, now_ms: int) -> tuple[Event, ...] | Rejection:
    """What is new of a call; nothing where it is known, or of somebody who is to be forgotten."""
    told = command.call
    message = dossier.messages.get(told.message_id)
    if message is None or dossier.customer is None:
        return Rejection(Reason.MESSAGE_NOT_FOUND, "no such call")
    known = dossier.calls.get(told.message_id)
    after = told if known is None else together(known, told)
    if after == known or dossier.customer.erased:
        return ()
    noted = CallNoted(command.tenant_id, after)
    at_ms = min(command.occurred_at_ms, now_ms)
    waits = known is None or outcome(known) is not outcome(after)
    moved = _waits(dossier, message, after, at_ms) if waits else ()
    return (noted, *_said(message, after, at_ms), *moved)


def together(known: Call, told: Call) -> Call:
    """What is known with what is told: the same in whatever order it is told."""
    further = _STEP[told.state] > _STEP[known.state]
    forwarding = told.forwarding if known.forwarding in {None, Forwarding.NOBODY} else None
    return replace(
        known,
        state=told.state if further else known.state,
        forwarding=forwarding or known.forwarding,
        duration_ms=max(known.duration_ms, told.duration_ms),
        talk_ms=max(known.talk_ms, told.talk_ms),
        recording_url=known.recording_url or told.recording_url,
        recording_ms=max(known.recording_ms, told.recording_ms),
        transcript=known.transcript or told.transcript,
    )


def outcome(call: Call) -> Outcome:
    """What became of it, as far as it is known."""
    if call.recording_url:
        return Outcome.RECORDED
    if call.forwarding is Forwarding.NOBODY:  # a person has not even been tried
        return Outcome.MISSED if call.state in ENDED else Outcome.UNDER_WAY
    if call.forwarding is not None:
        return _BY_FORWARDING[call.forwarding]
    return _BY_STATE[call.state]


def text_of(call: Call) -> str:
    """What the call's message says."""
    match outcome(call):
        case Outcome.ANSWERED:
            return f"[call, {_clock(call.talk_ms or call.duration_ms)}]"
        case Outcome.MISSED:
            return "[missed call]"
        case Outcome.BUSY:
            return "[missed call: busy]"
        case Outcome.FAILED:
            return "[missed call: failed]"
        case Outcome.RECORDED:
            left = f"[voice message, {_clock(call.recording_ms)}]"
            return f"{left}\n{call.transcript}" if call.transcript else left
        case Outcome.UNDER_WAY:
            return RINGING_TEXT


def _said(message: Message, call: Call, at_ms: int) -> tuple[MessageEdited, ...]:
    """The message as it reads now, with the recording if there is one: it may be our own by now."""
    recording = Attachment(
        attachment_id=f"{message.message_id}-0",
        file_name="voice-message.mp3",
        media_type="audio/mpeg",
        size_bytes=0,
        reference=call.recording_url,
    )
    after = replace(
        message,
        text=text_of(call),
        attachments=message.attachments or ((recording,) if call.recording_url else ()),
        edited_at_ms=max(message.edited_at_ms, at_ms),
    )
    if (after.text, after.attachments) == (message.text, message.attachments):
        return ()
    return (MessageEdited(after, message.text),)


def _waits(dossier: Dossier, message: Message, call: Call, at_ms: int) -> tuple[StatusChanged, ...]:
    """The conversation is open, unless it was closed for good while the telephone rang."""
    conversation = dossier.conversations[message.conversation_id]
    is_settled = conversation.status in {Status.PENDING, Status.RESOLVED}
    if outcome(call) not in _WAITS or not is_settled:
        return ()
    moved = StatusChanged.of(
        conversation, Status.OPEN, actor=message.author, reason="missed_call", at_ms=at_ms
    )
    return (moved,)


def _clock(duration_ms: int) -> str:
    minutes, seconds = divmod(duration_ms // 1000, 60)
    return f"{minutes}:{seconds:02}"
