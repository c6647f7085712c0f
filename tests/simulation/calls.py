"""The calls that a delivery process makes: its real `Effects`, on a line to our provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account
from services.intake.core.delivery.commands import ReportAttempt, ReportLookup
from services.intake.core.delivery.model import Dispatch
from services.intake.metrics import IntakeMetrics
from services.intake.shell.accounts import AccountBook
from services.intake.shell.effects import Effects
from tests.support.memory_store import MemoryStore

if TYPE_CHECKING:
    from tests.simulation.world import World


class Line:
    """A `Sender` of one process."""

    def __init__(self, world: World, owner: str) -> None:
        self._provider = world.provider
        self._owner = owner

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """Make the call."""
        return await self._provider.send(self._owner, dispatch, account)

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """Ask for it."""
        del account
        return await self._provider.look_up(self._owner, dispatch, known_ids)


class SentIds:
    """Which provider ids of a lane are known, from memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._rows = store.rows

    async def sent_ids(self, account_id: str, home_id: str, *, since_ms: int) -> frozenset[str]:
        """Ids of messages that were attempted, or whose calls have ended, since."""
        found = await self._rows.select("dispatch", account_id=account_id, home_id=home_id)
        since = (r for r in found if max(r["attempted_at_ms"], r["settled_at_ms"]) >= since_ms)
        return frozenset(row["provider_message_id"] for row in since) - {""}


class Calls(Effects):
    """The effects of one process, which die with it."""

    def __init__(self, world: World, owner: str) -> None:
        super().__init__(
            accounts=AccountBook(world.accounts, monotonic=lambda: world.clock() / 1000),
            senders=lambda _: {},
            sent=SentIds(world.stores["intake"]),
            bus=world.edge,
            metrics=IntakeMetrics(Catalogue("intake"), world),
            background=Background(),
        )
        self._world = world
        self._owner = owner
        self._senders = {"twilio": Line(world, owner)}

    def check(self) -> None:
        """Raise what would have ended the process."""
        if self._background._error is not None:
            raise self._background._error

    def cut(self) -> None:
        """The process is gone, in the middle of whatever it was doing."""
        for task in tuple(self._tasks.values()):
            task.cancel()
        self._world.provider.cut(self._owner)
