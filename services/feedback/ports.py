"""What the handlers and the doors need of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.feedback.core.events import Event
from services.feedback.core.model import Case, Contact, Survey


class Ledger(Protocol):
    """Where the consequences of one command are written, all of them or none."""

    def record(self, case: Case, event: Event) -> None:
        """Keep the survey of `event` and tell the world; `case` is as after the event."""

    def send(self, survey: Survey) -> None:
        """Put the question, with its link, into the customer's conversation."""

    def tell_answer(self, survey: Survey) -> None:
        """Let whoever has the customer know what they answered."""

    def ask_turn(self, survey: Survey) -> None:
        """Ask the customer's own shard whether they may be asked."""

    def wake_to_send(self, survey: Survey) -> None:
        """Come back at `survey.send_at_ms`."""

    def wake_to_expire(self, survey: Survey) -> None:
        """Come back at `survey.expires_at_ms`."""

    def let_sleep(self, survey: Survey) -> None:
        """Nothing more will happen to it by the passing of time."""

    def keep(self, contact: Contact) -> None:
        """Keep when a customer was last asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list, latest resolution first, goes on: after this survey."""

    resolved_at_ms: int
    survey_id: str


@dataclass(frozen=True, slots=True)
class Tally:
    """The surveys of one group: how many were sent, and the answers by score."""

    group: str
    sent: int
    counts: Mapping[int, int]


class SurveyReader(Protocol):
    """Reads of committed surveys. Raises `StoreUnavailable` while the database is away."""

    async def linked(self, survey_id: str) -> Survey | None:
        """The survey a link names, of whichever tenant: the signature says whose it must be."""

    async def get(self, tenant_id: str, survey_id: str) -> Survey | None:
        """A tenant's survey."""

    async def page(
        self,
        tenant_id: str,
        *,
        where: Mapping[str, str],
        after: Place | None,
        limit: int,
    ) -> Sequence[Survey]:
        """Surveys whose columns equal `where`, latest resolution first, `limit` after `after`."""

    async def tallies(
        self, tenant_id: str, *, from_ms: int, to_ms: int, group_by: str
    ) -> Sequence[Tally]:
        """Answers of surveys whose resolution lies in [from_ms, to_ms), by `group_by` or all."""
