"""Ids that follow from what they name, so that every replay finds the same one."""

from __future__ import annotations

from uuid import UUID, uuid5

_NAMESPACE = UUID("5b0d9c0e-7f53-5c0a-8d57-0f2f5e0f1c62")


def offer_id(work_id: str, number: int) -> str:
    """The id of the `number`th offer of a piece of work."""
    return str(uuid5(_NAMESPACE, f"offer/{work_id}/{number}"))


def decision_id(work_id: str, number: int) -> str:
    """The id of the decision that led to the `number`th offer of a piece of work."""
    return str(uuid5(_NAMESPACE, f"decision/{work_id}/{number}"))


def hand_decision_id(work_id: str, number: int) -> str:
    """The id of the `number`th decision that people made about a piece of work."""
    return str(uuid5(_NAMESPACE, f"hand/{work_id}/{number}"))


def hand_assignment_id(work_id: str, number: int) -> str:
    """The id of the assignment that the `number`th decision by hand led to."""
    return str(uuid5(_NAMESPACE, f"given/{work_id}/{number}"))


def work_id(conversation_id: str, sequence: int) -> str:
    """The id of the work that a conversation's event number `sequence` asks for."""
    return str(uuid5(_NAMESPACE, f"work/{conversation_id}/{sequence}"))


def next_work_id(work_id: str) -> str:
    """The id of the work that follows, where a conversation asks for the same anew."""
    return str(uuid5(_NAMESPACE, f"work-after/{work_id}"))


def triage_decision_id(conversation_id: str, sequence: int) -> str:
    """The id of triage's decision about a conversation's event number `sequence`."""
    return str(uuid5(_NAMESPACE, f"triage/{conversation_id}/{sequence}"))
