"""A process's connection to its database: it may break, and its process may die at it.

It also witnesses what each commit applied, so that the run can be replayed and no zombie's commit
goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.bus.processor import Rows
from services.chassis.bus.record import Record
from services.chassis.bus.store import Commit, Store, Taken


class PowerCut(BaseException):
    """The process is gone, between two instructions."""


class Fault(Enum):
    """What happens at the next commit; or, where the database is away, at whatever comes first."""

    NONE = "none"
    AWAY = "finds the database away"
    DIES_BEFORE = "dies before it"
    DIES_AFTER = "dies after it"
    LOST_BEFORE = "loses the database before it"
    LOST_AFTER = "loses the database after it"


class Witness(Protocol):
    """Who is told what the database did for which process."""

    def taken(self, owner: str, processor: str, shards: Sequence[int]) -> None:
        """`owner` has the shards now."""

    def committed(self, owner: str, commit: Commit) -> None:
        """The database took a commit of `owner`."""

    def owns(self, owner: str, processor: str, shards: Iterable[int]) -> bool:
        """Whether nobody has taken any of the shards since `owner` did."""


class Connection:
    """A `Store` as one process sees it."""

    def __init__(self, store: Store, owner: str, witness: Witness) -> None:
        self._store = store
        self._owner = owner
        self._witness = witness
        self.fault = Fault.NONE

    @property
    def rows(self) -> Rows:
        return self

    async def select(self, table: str, **where: Any) -> list[dict[str, Any]]:
        self._check_away()
        return await self._store.rows.select(table, **where)

    async def take(
        self, processor: str, *, layout: int, partitions: int, shards: Sequence[int], owner: str
    ) -> list[Taken]:
        self._check_away()
        taken = await self._store.take(
            processor, layout=layout, partitions=partitions, shards=shards, owner=owner
        )
        self._witness.taken(self._owner, processor, shards)
        return taken

    async def commit(self, commit: Commit) -> frozenset[str]:
        self._check_away()
        fault, self.fault = self.fault, Fault.NONE
        if fault is Fault.DIES_BEFORE:
            raise PowerCut
        if fault is Fault.LOST_BEFORE:
            raise StoreUnavailable("connection lost")
        repeats = await self._store.commit(commit)
        if not repeats:
            self._witness.committed(self._owner, commit)
        if fault is Fault.DIES_AFTER:
            raise PowerCut
        if fault is Fault.LOST_AFTER:
            raise StoreUnavailable("connection lost")
        return repeats

    def _check_away(self) -> None:
        if self.fault is Fault.AWAY:
            self.fault = Fault.NONE
            raise StoreUnavailable("no connection")

    async def positions(
        self, processor: str, shards: Sequence[int]
    ) -> Mapping[int, tuple[int, int]]:
        return await self._store.positions(processor, shards)

    async def forget_published(self, processor: str, published: Mapping[int, int]) -> None:
        await self._store.forget_published(processor, published)

    async def attempt(self, processor: str, record: Record) -> int:
        return await self._store.attempt(processor, record)

    async def letters(self, letter_id: str) -> list[DeadLetter]:
        return await self._store.letters(letter_id)

    async def keep_days(self, now_ms: int) -> None:
        await self._store.keep_days(now_ms)

    async def outcomes(self, request_keys: Collection[str]) -> Mapping[str, bytes]:
        return await self._store.outcomes(request_keys)
