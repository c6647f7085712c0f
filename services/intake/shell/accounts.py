"""Accounts as the doors and delivery see them: cached, and still there while Postgres is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import Account

FRESH_SECONDS: Final = 15.0
UNKNOWN_FRESH_SECONDS: Final = 3.0
KEPT_MAX: Final = 10_000


class AccountReader(Protocol):
    """Where accounts are stored."""

    async def read(self, account_id: str) -> Account | None:
        """An account with its live secrets, or None. Raises `StoreUnavailable`."""


@dataclass(slots=True)
class _Kept:
    account: Account | None
    read_s: float


class AccountBook:
    """A bounded cache. What is known is used while the store is away, however old it is."""

    def __init__(
        self, reader: AccountReader, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._reader = reader
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Account | None]] = {}

    async def get(self, account_id: str) -> Account | None:
        """The account, or None if there is none.

        Raises `StoreUnavailable` where it is not cached and cannot be read: nobody knows.
        """
        kept = self._kept.get(account_id)
        if kept is not None and self._monotonic() - kept.read_s < _fresh_s(kept):
            self._kept.move_to_end(account_id)
            return kept.account
        try:
            account = await self._read_once(account_id)
        except StoreUnavailable:
            if kept is None or kept.account is None:
                raise
            return kept.account
        self._keep(account_id, account)
        return account

    def forget(self, account_id: str) -> None:
        """Read it again next time: it was just written here."""
        self._kept.pop(account_id, None)

    async def _read_once(self, account_id: str) -> Account | None:
        """One read, however many ask at once."""
        reading = self._reading.get(account_id)
        if reading is None:
            reading = asyncio.ensure_future(self._reader.read(account_id))
            self._reading[account_id] = reading
            reading.add_done_callback(lambda _: self._reading.pop(account_id, None))
        return await asyncio.shield(reading)

    def _keep(self, account_id: str, account: Account | None) -> None:
        self._kept[account_id] = _Kept(account, self._monotonic())
        self._kept.move_to_end(account_id)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)


def _fresh_s(kept: _Kept) -> float:
    return FRESH_SECONDS if kept.account is not None else UNKNOWN_FRESH_SECONDS
