"""Outbound messages on their way to a provider, and the lanes that they wait in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from immutables import Map

from services.intake.core.identity import lane
from services.intake.core.model import Channel


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

    `attempts_max` 0 means the policy's, `expires_at_ms` 0 never, `not_before_ms` 0 at once.
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


@dataclass(frozen=True, slots=True)
class Lanes:
    """The unsettled dispatches of a shard.

    `queues` holds the message ids of each lane, first come first; only the head of a lane acts.
    `ready` holds the lanes of each account whose head wants a call, and `calling` counts the calls
    under way for each account, so that one dead account takes no other's places.
    """

    dispatches: Map[str, Dispatch] = field(default_factory=Map)
    queues: Map[str, tuple[str, ...]] = field(default_factory=Map)
    ready: Map[str, tuple[str, ...]] = field(default_factory=Map)
    calling: Map[str, int] = field(default_factory=Map)

    def head(self, lane_key: str) -> Dispatch | None:
        """The dispatch whose turn it is in a lane."""
        queue = self.queues.get(lane_key)
        return self.dispatches[queue[0]] if queue else None
