"""Between rows and the core: what is stored of surveys and contacts, and back again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.chassis.bus.processor import Table
from services.feedback.core.model import (
    Answer,
    Case,
    Contact,
    Reason,
    Recipient,
    State,
    Survey,
    in_order,
)

Row = Mapping[str, Any]

SURVEYS = Table("survey", ("survey_id",))
CONTACTS = Table("contact", ("tenant_id", "customer_id"))
_RECIPIENT = (
    "tenant_id",
    "conversation_id",
    "customer_id",
    "home_id",
    "channel",
    "account_id",
    "tier",
    "language",
    "agent_id",
)
_PLAIN = (
    "survey_id",
    "resolution_id",
    "policy_version",
    "resolved_at_ms",
    "scheduled_at_ms",
    "send_at_ms",
    "sent_at_ms",
    "expires_at_ms",
    "ended_at_ms",
    "recovery_id",
    "link_sha256",
)


def survey_row(survey: Survey, *, shard: int, sequence: int) -> Row:
    """Every column of `survey`; `sequence` is the case's."""
    answer = survey.answer
    return {
        **{name: getattr(survey, name) for name in _PLAIN},
        **{name: getattr(survey.recipient, name) for name in _RECIPIENT},
        "shard": shard,
        "sequence": sequence,
        "state": survey.state,
        "reason": survey.reason,
        "score": answer.score if answer else None,
        "comment": answer.comment if answer else "",
        "source": answer.source if answer else "",
        "answered_at_ms": answer.answered_at_ms if answer else None,
    }


def survey_of(row: Row) -> Survey:
    """The survey of a row."""
    return Survey(
        **{name: row[name] for name in _PLAIN},
        recipient=Recipient(**{name: row[name] for name in _RECIPIENT}),
        state=State(row["state"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
        answer=_answer_of(row),
    )


def _answer_of(row: Row) -> Answer | None:
    if row["score"] is None:
        return None
    return Answer(
        score=row["score"],
        comment=row["comment"],
        source=row["source"],
        answered_at_ms=row["answered_at_ms"],
    )


def contact_row(contact: Contact, shard: int) -> Row:
    """Every column of `contact`."""
    return {
        "tenant_id": contact.tenant_id,
        "customer_id": contact.customer_id,
        "shard": shard,
        "granted_at_ms": contact.granted_at_ms,
        "survey_id": contact.survey_id,
    }


def contact_of(row: Row) -> Contact:
    """The contact of a row."""
    return Contact(
        tenant_id=row["tenant_id"],
        customer_id=row["customer_id"],
        granted_at_ms=row["granted_at_ms"],
        survey_id=row["survey_id"],
    )


def cases_of(rows: Iterable[Row]) -> dict[str, Case]:
    """The cases that the rows tell of, by conversation."""
    cases: dict[str, Case] = {}
    for row in rows:
        name = row["conversation_id"]
        case = cases.get(name, Case(name))
        surveys = sorted((*case.surveys, survey_of(row)), key=in_order)
        cases[name] = Case(name, tuple(surveys), max(case.sequence, row["sequence"]))
    return cases
