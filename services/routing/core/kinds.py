"""The kinds and states that routing tells apart."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Channel(StrEnum):
    """The kind of medium a conversation runs on."""

    VOICE = "VOICE"
    CHAT = "CHAT"
    EMAIL = "EMAIL"
    SMS = "SMS"
    WHATSAPP = "WHATSAPP"
    MESSENGER = "MESSENGER"
    TELEGRAM = "TELEGRAM"
    SLACK = "SLACK"
    LINE = "LINE"
    FORM = "FORM"
    API = "API"


class Tier(StrEnum):
    """What the customer is entitled to."""

    BASIC = "BASIC"
    EXPECTED = "EXPECTED"
    EXCELLENT = "EXCELLENT"
    INSPIRING = "INSPIRING"


class Level(IntEnum):
    """The escalation ladder. An agent may take work of their own level and of those below."""

    L1 = 1
    L2 = 2
    L3 = 3
    LEAD = 4


class Presence(StrEnum):
    """Only AVAILABLE agents take new work. NO_ANSWER: they missed too many offers in a row."""

    AVAILABLE = "AVAILABLE"
    BUSY = "BUSY"
    AWAY = "AWAY"
    OFFLINE = "OFFLINE"
    NO_ANSWER = "NO_ANSWER"


class WorkState(StrEnum):
    """QUEUED → OFFERED → ASSIGNED → WRAP_UP → COMPLETED; what fails on offer is QUEUED again."""

    QUEUED = "QUEUED"
    OFFERED = "OFFERED"
    ASSIGNED = "ASSIGNED"
    WRAP_UP = "WRAP_UP"
    COMPLETED = "COMPLETED"
    WITHDRAWN = "WITHDRAWN"


class OfferState(StrEnum):
    """PENDING, then exactly one of the others, for good."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TIMED_OUT = "TIMED_OUT"
    RESCINDED = "RESCINDED"


class AssignmentState(StrEnum):
    """ACTIVE, perhaps WRAP_UP while the agent finishes notes, then COMPLETED for good."""

    ACTIVE = "ACTIVE"
    WRAP_UP = "WRAP_UP"
    COMPLETED = "COMPLETED"


class Act(StrEnum):
    """What people do to work by hand."""

    ASSIGN = "ASSIGN"
    CLAIM = "CLAIM"
    TRANSFER = "TRANSFER"
    ESCALATE = "ESCALATE"
    REPRIORITISE = "REPRIORITISE"
    WITHDRAW = "WITHDRAW"


class Hold(StrEnum):
    """Why a part of an agent's capacity is taken."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    WRAP_UP = "WRAP_UP"
