"""What is told of calls: into the mailbox, and out of it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from switchboard.intake.v1 import commands_pb2

from services.intake.core.call_model import Call, CallState, Forwarding, NoteCall
from services.intake.core.cards import masked
from services.intake.core.commands import Command
from services.intake.core.identity import inbound_message_id

E = TypeVar("E", bound=StrEnum)


def told(
    note: NoteCall, *, from_address: str, to_address: str, received_at_ms: int
) -> commands_pb2.IntakeInput:
    """What a provider tells of a call, as an edge publishes it."""
    call = note.call
    return commands_pb2.IntakeInput(
        tenant_id=note.tenant_id,
        occurred_at_ms=note.occurred_at_ms,
        received_at_ms=received_at_ms,
        actor=f"provider/{call.account_id}",
        home_id=note.home_id,
        call_event=commands_pb2.CallEvent(
            account_id=call.account_id,
            provider_call_id=call.provider_call_id,
            from_address=from_address,
            to_address=to_address,
            call_status=_word(call.state),
            duration_ms=call.talk_ms if call.forwarding else call.duration_ms,
            forwarding=_word(call.forwarding) if call.forwarding else "",
            recording_url=call.recording_url,
            recording_duration_ms=call.recording_ms,
            transcript=masked(call.transcript),
        ),
    )


def note_call(said: commands_pb2.IntakeInput, now_ms: int, _: Callable[[], str]) -> Command:
    """The command. Raises `ValueError` for a state that names nothing here."""
    event = said.call_event
    forwarding = _member(Forwarding, event.forwarding) if event.forwarding else None
    return NoteCall(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        call=Call(
            message_id=inbound_message_id(event.account_id, event.provider_call_id),
            account_id=event.account_id,
            provider_call_id=event.provider_call_id,
            state=_member(CallState, event.call_status),
            forwarding=forwarding,
            duration_ms=0 if forwarding else event.duration_ms,
            talk_ms=event.duration_ms if forwarding else 0,
            recording_url=event.recording_url,
            recording_ms=event.recording_duration_ms,
            transcript=event.transcript,
        ),
        occurred_at_ms=said.occurred_at_ms or now_ms,
    )


def _word(member: CallState | Forwarding) -> str:
    return member.lower().replace("_", "-")


def _member(kind: type[E], word: str) -> E:
    found = kind.__members__.get(word.upper().replace("-", "_"))
    if found is None:
        raise ValueError(f"{word!r} names nothing here")
    return found
