"""Sets aside mails that become no message, where operators find them."""

from __future__ import annotations

import structlog

from services.chassis.bus.postgres_store import translated
from services.chassis.clock import Clock
from services.chassis.postgres.pool import Postgres
from services.intake.core.account import Account
from services.intake.core.blobs import reference_of
from services.intake.ports import BlobStore

log = structlog.get_logger(__name__)


class ParkedMails:
    """The table `parked_mail`, which names what the sweep of files must not forget yet."""

    def __init__(self, postgres: Postgres, blobs: BlobStore, clock: Clock) -> None:
        self._postgres = postgres
        self._blobs = blobs
        self._clock = clock

    async def park(self, account: Account, raw: bytes, reason: str) -> str:
        """Keep a mail for 30 days; returns its reference. A repeat is kept once.

        Raises `StoreUnavailable`.
        """
        digest = await self._blobs.put(account.tenant_id, raw)
        async with translated():
            await self._postgres.pool.execute(
                _PARK,
                account.tenant_id,
                digest,
                account.account_id,
                reason,
                self._clock.now_ms(),
            )
        log.warning(
            "mail_parked",
            account_id=account.account_id,
            reference=reference_of(digest),
            reason=reason,
        )
        return reference_of(digest)


_PARK = """
INSERT INTO parked_mail (tenant_id, digest, account_id, reason, parked_at_ms)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"""
