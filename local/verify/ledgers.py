"""What the outside saw: ledgers written by the demo's senders, agents and customers, and by the
provider.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from local import jsonl

ACCEPTED, REFUSED, UNKNOWN = "accepted", "refused", "unknown"

SENDERS, AGENTS, CUSTOMERS, PROVIDER = (
    "senders.jsonl",
    "agents.jsonl",
    "customers.jsonl",
    "provider.jsonl",
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message somebody sent in. `fate` is accepted (2xx), refused (4xx) or unknown."""

    door: str
    account_id: str
    provider_message_id: str
    fate: str
    at_ms: int
    message_id: str = ""
    """Ours, where the door tells it."""
    run: str = ""


@dataclass(frozen=True, slots=True)
class SeenOffer:
    """An offer that reached an agent; `answer` is accept, decline or ignore."""

    offer_id: str
    work_id: str
    conversation_id: str
    agent_id: str
    at_ms: int
    run: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accept that routing confirmed to the agent."""

    offer_id: str
    agent_id: str
    at_ms: int
    run: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply that intake confirmed to the agent."""

    request_id: str
    message_id: str
    conversation_id: str
    agent_id: str
    at_ms: int
    run: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """A survey answer that feedback confirmed to the customer; known by its link."""

    link: str
    score: int
    at_ms: int
    run: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """A message a provider accepted from us.

    `reference` is our id of it, empty where the provider carries none.
    """

    sid: str
    recipient: str
    body: str
    created_ms: int
    provider: str = "twilio"
    reference: str = ""


@dataclass(slots=True)
class Ledgers:
    """All ledgers of one data folder."""

    sent: list[Sent] = field(default_factory=list)
    offers: list[SeenOffer] = field(default_factory=list)
    accepts: list[Accepted] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    scores: list[Scored] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


def read(folder: Path) -> Ledgers:
    """Read the ledgers of a data folder; those that nobody wrote are empty."""
    agents = list(jsonl.read(folder / AGENTS))
    return Ledgers(
        sent=_parse(Sent, jsonl.read(folder / SENDERS)),
        offers=_parse(SeenOffer, (each for each in agents if each["kind"] == "offer")),
        accepts=_parse(Accepted, (each for each in agents if each["kind"] == "accepted")),
        answers=_parse(Answered, (each for each in agents if each["kind"] == "replied")),
        scores=_parse(Scored, jsonl.read(folder / CUSTOMERS)),
        effects=_parse(
            Effect,
            (each for each in jsonl.read(folder / PROVIDER) if each["kind"] == "accepted"),
        ),
    )


def _parse(cls: type[T], entries: Iterable[dict[str, Any]]) -> list[T]:
    names = {each.name for each in fields(cls)}  # type: ignore[arg-type] # all are dataclasses
    return [
        cls(**{name: value for name, value in entry.items() if name in names}) for entry in entries
    ]
