"""Accounts as the doors and delivery see them: cached, and still there while Postgres is away."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import Account

FRESH_SECONDS: Final = 15.0
UNKNOWN_FRESH_SECONDS: Final = 3.0
KEPT_MAX: Final = 10_000

V = TypeVar("V")


class AccountReader(Protocol):
    """Where accounts are stored."""

    async def read(self, account_id: str) -> Account | None:
        """An account with its live secrets, or None. Raises `StoreUnavailable`."""


class AddressReader(Protocol):
    """Where the accounts' addresses are stored."""

    async def id_at(self, address: str) -> str | None:
        """The id of the account that an address is an address of. Raises `StoreUnavailable`."""


@dataclass(slots=True)
class _Kept(Generic[V]):
    value: V | None
    read_s: float


class _Cache(Generic[V]):
    """A bounded cache. What is known is used while the store is away, however old it is."""

    def __init__(
        self, read: Callable[[str], Awaitable[V | None]], monotonic: Callable[[], float]
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept[V]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[V | None]] = {}

    async def get(self, key: str) -> V | None:
        """The value, or None if there is none.

        Raises `StoreUnavailable` where it is not cached and cannot be read: nobody knows.
        """
        kept = self._kept.get(key)
        if kept is not None and self._monotonic() - kept.read_s < _fresh_s(kept):
            self._kept.move_to_end(key)
            return kept.value
        try:
            value = await self._read_once(key)
        except StoreUnavailable:
            if kept is None or kept.value is None:
                raise
            return kept.value
        self._keep(key, value)
        return value

    def forget(self, key: str) -> None:
        """Read it again next time."""
        self._kept.pop(key, None)

    async def _read_once(self, key: str) -> V | None:
        """One read, however many ask at once."""
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.ensure_future(self._read(key))
            self._reading[key] = reading
            reading.add_done_callback(lambda _: self._reading.pop(key, None))
        return await asyncio.shield(reading)

    def _keep(self, key: str, value: V | None) -> None:
        self._kept[key] = _Kept(value, self._monotonic())
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)


class AccountBook:
    """Accounts by their ids."""

    def __init__(
        self, reader: AccountReader, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._cache = _Cache(reader.read, monotonic)

    async def get(self, account_id: str) -> Account | None:
        """The account, or None if there is none.

        Raises `StoreUnavailable` where it is not cached and cannot be read: nobody knows.
        """
        return await self._cache.get(account_id)

    def forget(self, account_id: str) -> None:
        """Read it again next time: it was just written here."""
        self._cache.forget(account_id)


class AddressBook:
    """Accounts by the addresses that mail for them is sent to."""

    def __init__(
        self,
        reader: AddressReader,
        accounts: AccountBook,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._accounts = accounts
        self._cache = _Cache(reader.id_at, monotonic)

    async def get(self, address: str) -> Account | None:
        """The account at a normalised address, None if there is none. Raises `StoreUnavailable`."""
        account_id = await self._cache.get(address)
        return await self._accounts.get(account_id) if account_id else None


def _fresh_s(kept: _Kept[V]) -> float:
    return FRESH_SECONDS if kept.value is not None else UNKNOWN_FRESH_SECONDS
