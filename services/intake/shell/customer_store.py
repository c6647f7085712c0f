"""Reads of customers, by any id they ever had and by what is known of them. No writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.chassis.bus.postgres_store import translated
from services.chassis.postgres.pool import Postgres
from services.intake.core.model import Channel, Customer
from services.intake.shell import rows
from services.intake.shell.store import After


@dataclass(frozen=True, slots=True)
class Link:
    """An address that came to a customer, or left."""

    channel: Channel
    address: str
    linked: bool
    other_customer_id: str
    rule: str
    confidence: float
    actor: str
    at_ms: int


class CustomerStore:
    """Reads of one tenant at a time; another's rows do not exist for the caller."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def customer(self, tenant_id: str, customer_id: str) -> Customer | None:
        """One customer, also by an id that was theirs before they became part of another."""
        async with translated():
            row = await self._postgres.pool.fetchrow(_BY_ID, customer_id, tenant_id)
            row = row or await self._postgres.pool.fetchrow(_BEFORE, customer_id, tenant_id)
        return rows.customer_of(dict(row)) if row else None

    async def may_be_moving(self, tenant_id: str, customer_id: str) -> bool:
        """Whether somebody was called so, and may be on their way from one home to another."""
        async with translated():
            return bool(await self._postgres.pool.fetchval(_MOVING, customer_id, tenant_id))

    async def search(
        self, tenant_id: str, text: str, *, after: After | None, limit: int
    ) -> Sequence[Customer]:
        """Customers whose names and addresses hold what is written, the latest changed first.

        Where there is none, those that nearly do. Words need three characters to be looked for.
        """
        place = after or After(2**62, "")
        async with translated():
            found = await self._postgres.pool.fetch(
                _SEARCH, tenant_id, text, place.at_ms, place.key, limit
            )
            if not found and after is None:
                found = await self._postgres.pool.fetch(_NEARLY, tenant_id, text, limit - 1)
        return [rows.customer_of(dict(row)) for row in found]

    async def links(self, tenant_id: str, customer_id: str, *, limit: int) -> Sequence[Link]:
        """How addresses came to a customer and left, the latest first."""
        async with translated():
            found = await self._postgres.pool.fetch(_LINKS, customer_id, tenant_id, limit)
        return [
            Link(
                channel=Channel(row["channel"]),
                address=row["address"],
                linked=row["linked"],
                other_customer_id=row["other_customer_id"],
                rule=row["rule"],
                confidence=row["confidence"],
                actor=row["actor"],
                at_ms=row["at_ms"],
            )
            for row in found
        ]


# Whoever lives has the id; whoever had it before is a tombstone.
_BY_ID = """
SELECT * FROM customer WHERE customer_id = $1 AND tenant_id = $2 AND yields_to = ''
ORDER BY erased LIMIT 1"""
_BEFORE = """
WITH RECURSIVE called(customer_id, hops) AS (
    SELECT $1::text, 0
    UNION SELECT l.customer_id, hops + 1 FROM called JOIN identity_link l
        ON l.other_customer_id = called.customer_id AND l.linked AND l.tenant_id = $2
    WHERE hops < 16
)
SELECT c.* FROM called JOIN customer c USING (customer_id)
WHERE c.tenant_id = $2 AND c.yields_to = '' ORDER BY c.erased DESC LIMIT 1"""
_MOVING = """
SELECT EXISTS (SELECT 1 FROM identity_link
    WHERE (customer_id = $1 OR other_customer_id = $1) AND tenant_id = $2)"""
_SEARCH = """
SELECT * FROM customer
WHERE tenant_id = $1 AND yields_to = '' AND trigrams(search_text) @> trigrams($2)
AND (updated_at_ms, customer_id) < ($3, $4)
ORDER BY updated_at_ms DESC, customer_id DESC LIMIT $5"""
# Two of three are enough: that forgives a slip of the pen.
_NEARLY = """
SELECT c.* FROM customer c, LATERAL (
    SELECT count(*) AS held FROM unnest(trigrams($2)) one WHERE one = ANY (trigrams(c.search_text))
) near
WHERE c.tenant_id = $1 AND c.yields_to = '' AND trigrams(c.search_text) && trigrams($2)
AND near.held * 3 >= cardinality(trigrams($2)) * 2
ORDER BY near.held DESC, c.updated_at_ms DESC LIMIT $3"""
_LINKS = """
SELECT * FROM identity_link WHERE customer_id = $1 AND tenant_id = $2
ORDER BY at_ms DESC, link_id LIMIT $3"""
