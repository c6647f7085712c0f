"""Runs the reconciler against a running stack."""

from __future__ import annotations

from dataclasses import dataclass

from local.home import Home
from local.state import StackState
from local.verify import ledgers, log, tables
from local.verify.finding import Finding, Kind, Report, report
from local.verify.judge import judge
from local.verify.ledgers import Ledgers
from local.verify.settle import settle
from local.verify.world import World

SETTLE_DEADLINE_S = 60.0
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """The verdict and what it was made from."""

    report: Report
    ledgers: Ledgers
    world: World


async def examine(
    home: Home, state: StackState, *, settle_deadline_s: float = SETTLE_DEADLINE_S
) -> Evidence:
    """Wait until the consumers are through, then judge.

    Judging takes a moment in which timers may fire; what is found only then is judged again.
    """
    connection = await tables.connect(state.postgres_admin_dsn)
    try:
        for attempt in range(1, ATTEMPTS + 1):
            left = await settle(
                connection, bootstrap=state.kafka_bootstrap, deadline_s=settle_deadline_s
            )
            world, _ = await log.fold(bootstrap=state.kafka_bootstrap, partitions=state.partitions)
            seen = ledgers.read(home.ledgers)
            found = judge(seen, world, await tables.read(connection))
            if found.holds or attempt == ATTEMPTS:
                break
    finally:
        await connection.close()
    return Evidence(_with_backlog(found, left.unpublished), seen, world)


def _with_backlog(found: Report, unpublished: int) -> Report:
    if not unpublished:
        return found
    stuck = Finding(Kind.VIOLATION, "backlog", "outbox", f"{unpublished} batches unpublished")
    return report((*found.findings, stuck), found.looked_at)
