"""Reads of committed surveys for the API and the survey's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Postgres
from services.feedback.core.model import Survey
from services.feedback.ports import Place, Tally
from services.feedback.shell.rows import survey_of

FILTERS: Final = frozenset({"conversation_id", "customer_id", "agent_id", "state"})
_GROUPS: Final = {"": "''", "agent": "agent_id", "channel": "channel", "tier": "tier"}
_LAST: Final = Place(2**63 - 1, "")


class SurveyStore:
    """The `SurveyReader` in Postgres."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def linked(self, survey_id: str) -> Survey | None:
        """The survey a link names."""
        return await self._one("SELECT * FROM survey WHERE survey_id = $1", survey_id)

    async def get(self, tenant_id: str, survey_id: str) -> Survey | None:
        """A tenant's survey."""
        query = "SELECT * FROM survey WHERE survey_id = $1 AND tenant_id = $2"
        return await self._one(query, survey_id, tenant_id)

    async def page(
        self, tenant_id: str, *, where: Mapping[str, str], after: Place | None, limit: int
    ) -> Sequence[Survey]:
        """Surveys whose columns equal `where`, latest resolution first."""
        unknown = where.keys() - FILTERS
        assert not unknown, f"columns come from code: {unknown}"
        tests = "".join(f" AND {name} = ${at}" for at, name in enumerate(where, start=5))
        query = _PAGE.format(tests=tests)
        place = after or _LAST
        async with translated():
            rows = await self._postgres.pool.fetch(
                query, tenant_id, place.resolved_at_ms, place.survey_id, limit, *where.values()
            )
        return [survey_of(dict(row)) for row in rows]

    async def tallies(
        self, tenant_id: str, *, from_ms: int, to_ms: int, group_by: str
    ) -> Sequence[Tally]:
        """Answers by score, and how many surveys were sent, group by group."""
        query = _TALLIES.format(group=_GROUPS[group_by])
        async with translated():
            rows = await self._postgres.pool.fetch(query, tenant_id, from_ms, to_ms)
        return [Tally(row["name"], row["sent"], _counts(row)) for row in rows]

    async def _one(self, query: str, *values: str) -> Survey | None:
        async with translated():
            row = await self._postgres.pool.fetchrow(query, *values)
        return survey_of(dict(row)) if row else None


def _counts(row: asyncpg.Record) -> dict[int, int]:
    return {int(score): count for score, count in row["counts"].items()}


_PAGE = """
SELECT * FROM survey
WHERE tenant_id = $1 AND (resolved_at_ms < $2 OR resolved_at_ms = $2 AND survey_id > $3){tests}
ORDER BY resolved_at_ms DESC, survey_id LIMIT $4"""
_TALLIES = """
WITH counted AS (
    SELECT {group} AS name, score, count(*) AS answers, count(sent_at_ms) AS sent
    FROM survey WHERE tenant_id = $1 AND resolved_at_ms >= $2 AND resolved_at_ms < $3
    GROUP BY 1, 2
)
SELECT name, sum(sent)::bigint AS sent,
    coalesce(jsonb_object_agg(score, answers) FILTER (WHERE score IS NOT NULL), '{{}}') AS counts
FROM counted GROUP BY name HAVING sum(sent) > 0 ORDER BY name"""
