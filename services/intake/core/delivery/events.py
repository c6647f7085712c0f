"""What has happened to a dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.core.delivery.model import Dispatch, Phase


@dataclass(frozen=True, slots=True)
class Queued:
    """It waits in its lane."""

    dispatch: Dispatch


@dataclass(frozen=True, slots=True)
class Attempted:
    """The call may be made from the moment this is committed, and not before."""

    message_id: str
    attempt: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Postponed:
    """The call certainly had no effect; it may be repeated at `due_ms`."""

    message_id: str
    due_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """Nobody knows whether the call had its effect; the provider is asked at `due_ms`."""

    message_id: str
    at_ms: int
    due_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The provider may be asked from the moment this is committed."""

    message_id: str
    lookup: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class NotSeen:
    """The provider did not show it, or did not answer; it is asked again at `due_ms`."""

    message_id: str
    due_ms: int
    absent: bool


@dataclass(frozen=True, slots=True)
class Recognised:
    """A receipt named it while its call was still under way."""

    message_id: str
    provider_message_id: str


@dataclass(frozen=True, slots=True)
class Woken:
    """Its time has come; it wants a call."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Settled:
    """`phase` is SENT, FAILED or UNCERTAIN. Only UNCERTAIN may be settled again, by evidence.

    `forget_at_ms` says until when evidence is waited for; 0 where none is needed.
    """

    message_id: str
    phase: Phase
    provider_message_id: str
    reason: str
    at_ms: int
    forget_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """No evidence came; it stays uncertain for good."""

    message_id: str


Event = (
    Queued
    | Attempted
    | Postponed
    | Doubted
    | LookedUp
    | NotSeen
    | Recognised
    | Woken
    | Settled
    | Forgotten
)
