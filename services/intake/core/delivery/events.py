"""What has happened to a dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.core.delivery.model import Barrier, Dispatch, Phase
from services.intake.core.model import Detour


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
    """The call may be repeated at `due_ms`: it had no effect, or a repeat has none (`maybe_sent`).

    `forgiven` is how many attempts now say nothing against the message.
    """

    message_id: str
    due_ms: int
    reason: str
    forgiven: int = 0
    maybe_sent: bool = False


@dataclass(frozen=True, slots=True)
class Doubted:
    """Nobody knows whether the call had its effect; the provider is asked at `due_ms`.

    `maybe_sent`: the provider would let it be repeated, but no attempt is left.
    """

    message_id: str
    at_ms: int
    due_ms: int
    reason: str
    maybe_sent: bool = False


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

    `forget_at_ms` says until when evidence is waited for; 0 where none is needed. With a `detour`
    the provider's own answer has settled it, and it was never in doubt.
    """

    message_id: str
    phase: Phase
    provider_message_id: str
    reason: str
    at_ms: int
    forget_at_ms: int = 0
    detour: Detour | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """No evidence came; it stays uncertain for good."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Missed:
    """An attempt of the account did not reach its provider; too few in a row to shut the gate."""

    account_id: str
    tenant_id: str
    provider: str
    failures: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Shut:
    """The account makes no attempt before `until_ms`. It is the `times`-th time in a row."""

    account_id: str
    tenant_id: str
    provider: str
    barrier: Barrier
    until_ms: int
    times: int


@dataclass(frozen=True, slots=True)
class Unlatched:
    """The account may make one attempt, which will tell."""

    account_id: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The account's provider answers again."""

    account_id: str


DispatchEvent = (
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
GateEvent = Missed | Shut | Unlatched | Opened
Event = DispatchEvent | GateEvent
