"""Builders for intake's unit tests: one customer, one account, a clock that the test moves."""

from __future__ import annotations

from functools import reduce

from services.intake.core.commands import (
    Command,
    NoteProgress,
    ReceiveMessage,
    Say,
    SetStatus,
    UpsertCustomer,
)
from services.intake.core.decide import decide
from services.intake.core.delivery.model import Dispatch
from services.intake.core.events import Event
from services.intake.core.evolve import evolve
from services.intake.core.identity import home_id
from services.intake.core.model import Channel, Dossier, Kind, Progress, Status
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Rejection

TENANT = "acme"
ACCOUNT = "sms-berlin"
ADDRESS = "+4930901820"
HOME = home_id(TENANT, "SMS", ADDRESS)
POLICY = ThreadingPolicy()
NOON_MS = 1_750_000_000_000
HOUR_MS = 3_600_000
CONVERSATION = "c-1"


def inbound(
    message_id: str = "m-1",
    *,
    at_ms: int = NOON_MS,
    conversation_id: str = CONVERSATION,
    account_id: str = ACCOUNT,
    text: str = "Where is my parcel?",
    language: str = "",
    from_name: str = "",
) -> ReceiveMessage:
    """A text message of the one customer."""
    return ReceiveMessage(
        tenant_id=TENANT,
        home_id=HOME,
        account_id=account_id,
        channel=Channel.SMS,
        from_address=ADDRESS,
        to_address="+4930555000",
        message_id=message_id,
        provider_message_id=f"SM{message_id}",
        text=text,
        occurred_at_ms=at_ms,
        received_at_ms=at_ms,
        new_conversation_id=conversation_id,
        language=language,
        from_name=from_name,
    )


def say(
    message_id: str = "r-1",
    *,
    kind: Kind = Kind.REPLY,
    then: Status | None = None,
    at_ms: int = NOON_MS,
    conversation_id: str = CONVERSATION,
    tenant_id: str = TENANT,
) -> Say:
    """A message of ours in the conversation."""
    return Say(
        tenant_id=tenant_id,
        home_id=HOME,
        conversation_id=conversation_id,
        message_id=message_id,
        kind=kind,
        actor="agent/ada" if kind in {Kind.REPLY, Kind.NOTE} else "service/feedback",
        text="It is on its way.",
        occurred_at_ms=at_ms,
        source_id="survey-1" if kind is Kind.SURVEY else "",
        then=then,
    )


def set_status(
    status: Status, *, at_ms: int = NOON_MS, conversation_id: str = CONVERSATION
) -> SetStatus:
    """An agent moves the conversation."""
    return SetStatus(
        tenant_id=TENANT,
        home_id=HOME,
        conversation_id=conversation_id,
        status=status,
        actor="agent/ada",
        reason="agent",
        occurred_at_ms=at_ms,
    )


def progress(
    told: Progress,
    *,
    message_id: str = "r-1",
    provider_message_id: str = "SMout",
    reason: str = "",
    by_provider: bool = False,
) -> NoteProgress:
    """A receipt, or a result of our delivery."""
    return NoteProgress(
        tenant_id=TENANT,
        home_id=HOME,
        account_id=ACCOUNT,
        message_id=message_id,
        provider_message_id=provider_message_id,
        progress=told,
        reason=reason,
        occurred_at_ms=NOON_MS,
        by_provider=by_provider,
    )


def upsert() -> UpsertCustomer:
    """Nothing stated of the customer but the address."""
    return UpsertCustomer(tenant_id=TENANT, home_id=HOME, channel=Channel.SMS, address=ADDRESS)


def empty() -> Dossier:
    """A stranger's dossier."""
    return Dossier(HOME)


def events_of(dossier: Dossier, command: Command, *, now_ms: int = NOON_MS) -> tuple[Event, ...]:
    """What follows from a command that is not refused."""
    decision = decide(dossier, command, now_ms=now_ms, policy=POLICY)
    assert not isinstance(decision, Rejection), decision
    return decision


def refusal_of(dossier: Dossier, command: Command, *, now_ms: int = NOON_MS) -> Rejection:
    """Why a command is refused."""
    decision = decide(dossier, command, now_ms=now_ms, policy=POLICY)
    assert isinstance(decision, Rejection), decision
    return decision


def after(*commands: Command, now_ms: int = NOON_MS) -> Dossier:
    """The dossier after a history of commands, all of which go through."""
    dossier = empty()
    for command in commands:
        dossier = reduce(evolve, events_of(dossier, command, now_ms=now_ms), dossier)
    return dossier


def dispatch(
    message_id: str = "d-1",
    *,
    account_id: str = ACCOUNT,
    home: str = HOME,
    position: int = 0,
    attempts_max: int = 0,
    expires_at_ms: int = 0,
) -> Dispatch:
    """An outbound message that has just been handed to delivery."""
    return Dispatch(
        message_id=message_id,
        tenant_id=TENANT,
        conversation_id=CONVERSATION,
        home_id=home,
        account_id=account_id,
        channel=Channel.SMS,
        recipient=ADDRESS,
        subject="",
        text="It is on its way.",
        position=position,
        queued_at_ms=NOON_MS,
        attempts_max=attempts_max,
        expires_at_ms=expires_at_ms,
    )
