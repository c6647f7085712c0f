"""Enumerations of the contract and of the core. Unspecified has no counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import model_pb2 as pb

from services.routing.core.explain import Refusal
from services.routing.core.kinds import Channel, Level, OfferState, Presence, Tier, WorkState

E = TypeVar("E", bound=Enum)


class Names(Generic[E]):
    """One enumeration in both forms: `CHANNEL_SMS` (a number on the wire) is `Channel.SMS`."""

    def __init__(self, wire: Any, core: type[E], prefix: str) -> None:
        self._numbers: Mapping[E, int] = {m: wire.Value(f"{prefix}_{m.name}") for m in core}
        self._members: Mapping[int, E] = {number: m for m, number in self._numbers.items()}

    def to_wire(self, member: E) -> Any:
        """The number; typed loosely, because each enumeration has a type of its own there."""
        return self._numbers[member]

    def of_wire(self, number: int) -> E | None:
        """The member; None for unspecified and for what a newer contract has added."""
        return self._members.get(number)

    def required(self, number: int) -> E:
        """The member. Raises `ValueError` where there is none: such a record can never work."""
        member = self._members.get(number)
        if member is None:
            raise ValueError(f"{number} names nothing here")
        return member


CHANNELS = Names(intake.Channel, Channel, "CHANNEL")
TIERS = Names(intake.ServiceTier, Tier, "SERVICE_TIER")
LEVELS = Names(pb.SupportLevel, Level, "SUPPORT_LEVEL")
PRESENCES = Names(pb.Presence, Presence, "PRESENCE")
WORK_STATES = Names(pb.WorkState, WorkState, "WORK_STATE")
OFFER_STATES = Names(pb.OfferState, OfferState, "OFFER_STATE")

REJECTIONS: Mapping[Refusal, pb.RejectionReason.ValueType] = {
    Refusal.NOT_AVAILABLE: pb.REJECTION_REASON_NOT_AVAILABLE,
    Refusal.NOT_IN_POOL: pb.REJECTION_REASON_POOL,
    Refusal.CHANNEL_NOT_SERVED: pb.REJECTION_REASON_CHANNEL,
    Refusal.LEVEL_TOO_LOW: pb.REJECTION_REASON_LEVEL,
    Refusal.LANGUAGE_NOT_SPOKEN: pb.REJECTION_REASON_LANGUAGE,
    Refusal.SKILL_MISSING: pb.REJECTION_REASON_SKILL_MISSING,
    Refusal.SKILL_TOO_LOW: pb.REJECTION_REASON_SKILL_LEVEL,
    Refusal.NO_CAPACITY: pb.REJECTION_REASON_CAPACITY,
    Refusal.RESTING: pb.REJECTION_REASON_COOLDOWN,
}
