"""Enumerations of the contract and of the core, by name. Unspecified has no counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.account import IfUnseen
from services.intake.core.delivery.commands import Contact, Sighting
from services.intake.core.feedback import FeedbackKind
from services.intake.core.model import Automatic, Channel, Kind, Progress, Status, Tier

E = TypeVar("E", bound=StrEnum)


class Names(Generic[E]):
    """One enumeration in both forms: `CHANNEL_SMS` (a number on the wire) is `Channel.SMS`."""

    def __init__(self, wire: Any, core: type[E], prefix: str) -> None:
        numbers = {member: wire.Value(f"{prefix}_{member}") for member in core}
        self._numbers: Mapping[E, int] = numbers
        self._members: Mapping[int, E] = {number: member for member, number in numbers.items()}

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


CHANNELS = Names(model_pb2.Channel, Channel, "CHANNEL")
TIERS = Names(model_pb2.ServiceTier, Tier, "SERVICE_TIER")
FEEDBACK_KINDS = Names(model_pb2.FeedbackKind, FeedbackKind, "FEEDBACK_KIND")
STATUSES = Names(model_pb2.ConversationStatus, Status, "CONVERSATION_STATUS")
PROGRESS = Names(model_pb2.DeliveryStatus, Progress, "DELIVERY_STATUS")
IF_UNSEEN = Names(model_pb2.UncertainPolicy, IfUnseen, "UNCERTAIN_POLICY")
SIGHTINGS = Names(commands_pb2.Sighting, Sighting, "SIGHTING")
CONTACTS = Names(commands_pb2.ProviderContact, Contact, "PROVIDER_CONTACT")

_PURPOSES = {
    Kind.REPLY: model_pb2.PURPOSE_REPLY,
    Kind.SURVEY: model_pb2.PURPOSE_SURVEY,
    Kind.AUTO_REPLY: model_pb2.PURPOSE_AUTO_REPLY,
    Kind.NOTICE: model_pb2.PURPOSE_NOTICE,
}
_KINDS = {int(number): kind for kind, number in _PURPOSES.items()}
_DIRECTIONS = {
    Kind.INBOUND: model_pb2.DIRECTION_INBOUND,
    Kind.NOTE: model_pb2.DIRECTION_INTERNAL,
}


def purpose(kind: Kind) -> Any:
    """Why we send a message; unspecified for what we do not send."""
    return _PURPOSES.get(kind, model_pb2.PURPOSE_UNSPECIFIED)


def kind_of_purpose(number: int) -> Kind:
    """The kind of a message that is sent for a purpose; a reply where none is given."""
    return _KINDS.get(number, Kind.REPLY)


def direction(kind: Kind) -> Any:
    """Which way a message goes."""
    return _DIRECTIONS.get(kind, model_pb2.DIRECTION_OUTBOUND)


def automatic_word(automatic: Automatic | None) -> str:
    """The contract's word for why nobody answers; empty for a person's message."""
    return automatic.lower() if automatic else ""


def automatic_of(word: str) -> Automatic | None:
    """Why nobody answers. A word that a newer contract has added still means that nobody does."""
    if not word:
        return None
    return Automatic.__members__.get(word.upper(), Automatic.BULK)
