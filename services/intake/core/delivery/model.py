"""Outbound messages on their way to a provider, and the lanes that they wait in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from immutables import Map

from services.intake.core.identity import lane
from services.intake.core.model import Attachment, Channel, Kind


class Phase(StrEnum):
    """Where a dispatch stands. What has been attempted is never attempted again on a guess."""

    WAITING = "WAITING"  # wants a call
    ATTEMPTING = "ATTEMPTING"  # a call was committed, so it may have happened
    IN_DOUBT = "IN_DOUBT"  # nobody knows whether it happened; wants a look-up
    LOOKING_UP = "LOOKING_UP"  # the provider is being asked
    SENT = "SENT"
    FAILED = "FAILED"
    UNCERTAIN = "UNCERTAIN"  # settled without knowing; only evidence can change it


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One outbound message. `position` orders a lane.

    `attempts_max` 0 and `expires_at_ms` 0 mean the policy's, `not_before_ms` 0 at once,
    `last_inbound_at_ms` 0 that nobody knows. `participants` are addresses beside the recipient's,
    `references` the provider's ids of the messages before the one that `in_reply_to` names.
    `forgiven` counts the attempts that say nothing against the message; `maybe_sent` tells that one
    may have had its effect, although the provider lets it be repeated.
    """

    message_id: str
    tenant_id: str
    conversation_id: str
    home_id: str
    account_id: str
    channel: Channel
    recipient: str
    subject: str
    text: str
    position: int
    queued_at_ms: int
    attempts_max: int = 0
    expires_at_ms: int = 0
    phase: Phase = Phase.WAITING
    attempts: int = 0
    attempted_at_ms: int = 0
    lookups: int = 0
    absences: int = 0
    doubted_at_ms: int = 0
    not_before_ms: int = 0
    provider_message_id: str = ""
    reason: str = ""
    settled_at_ms: int = 0
    kind: Kind = Kind.REPLY
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    last_inbound_at_ms: int = 0
    template: str = ""
    forgiven: int = 0
    maybe_sent: bool = False

    @property
    def tries(self) -> int:
        """How many attempts count against it."""
        return self.attempts - self.forgiven

    @property
    def lane(self) -> str:
        """One account to one recipient."""
        return lane(self.account_id, self.home_id)

    @property
    def is_calling(self) -> bool:
        """Whether a provider call for it may be under way."""
        return self.phase in {Phase.ATTEMPTING, Phase.LOOKING_UP}

    @property
    def wants_call(self) -> bool:
        """Whether it would call the provider now, had it a free place."""
        return self.phase in {Phase.WAITING, Phase.IN_DOUBT} and self.not_before_ms == 0


class Barrier(StrEnum):
    """Why an account makes no attempts for a while."""

    THROTTLED = "throttled"  # its provider asked it to wait
    UNREACHABLE = "unreachable"  # its provider does not answer: the breaker is open


@dataclass(frozen=True, slots=True)
class Gate:
    """What an account's attempts stand before in one shard, while something is wrong.

    `failures` counts the attempts in a row that did not reach the provider, since `since_ms`. A
    gate that was shut is shut until `until_ms`; from then on (0) it stands ajar and lets one
    attempt through, which opens it or shuts it for longer. `times` counts how often in a row it was
    shut. An account that does well has none.
    """

    account_id: str
    tenant_id: str
    provider: str
    failures: int = 0
    since_ms: int = 0
    times: int = 0
    until_ms: int = 0
    barrier: Barrier | None = None

    @property
    def is_shut(self) -> bool:
        """Whether no attempt may begin."""
        return self.until_ms > 0

    @property
    def is_ajar(self) -> bool:
        """Whether one attempt may try what the account's provider says now."""
        return self.times > 0 and self.until_ms == 0


@dataclass(frozen=True, slots=True)
class Lanes:
    """The unsettled dispatches of a shard.

    `queues` holds the message ids of each lane, first come first; only the head of a lane acts.
    `ready` holds the lanes of each account whose head wants an attempt, `doubtful` those whose head
    wants a look-up. `attempting` and `asking` count the calls of both kinds that are under way for
    each account, so that one dead account takes no other's places. `gates` are those of accounts in
    trouble.
    """

    dispatches: Map[str, Dispatch] = field(default_factory=Map)
    queues: Map[str, tuple[str, ...]] = field(default_factory=Map)
    ready: Map[str, tuple[str, ...]] = field(default_factory=Map)
    doubtful: Map[str, tuple[str, ...]] = field(default_factory=Map)
    attempting: Map[str, int] = field(default_factory=Map)
    asking: Map[str, int] = field(default_factory=Map)
    gates: Map[str, Gate] = field(default_factory=Map)

    def calling(self, account_id: str) -> int:
        """How many calls of an account are under way."""
        return self.attempting.get(account_id, 0) + self.asking.get(account_id, 0)

    def breakers(self) -> Iterator[Gate]:
        """The gates at which somebody waits because a provider does not answer."""
        for gate in self.gates.values():
            tried = gate.is_shut or self.attempting.get(gate.account_id, 0) > 0
            if gate.barrier is Barrier.UNREACHABLE and tried:
                yield gate

    def head(self, lane_key: str) -> Dispatch | None:
        """The dispatch whose turn it is in a lane."""
        queue = self.queues.get(lane_key)
        return self.dispatches[queue[0]] if queue else None
