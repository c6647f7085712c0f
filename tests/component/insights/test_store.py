"""One suite for both forms of the store: in Postgres and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from services.chassis.bus.fates import Fenced
from services.chassis.clock import SystemClock
from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.postgres.pool import Postgres as Pool
from services.insights.core.cursor import Cursor, Stamp
from services.insights.core.fold import total
from services.insights.core.model import Part, PartKey, Place, WindowKey
from services.insights.ports import Batch, Change, Move, StaleParts, Store
from services.insights.shell.store import PostgresStore, Wanted
from tests.component.insights.conftest import fresh_schema
from tests.support.kpi_store import MemoryStore
from tests.support.stack import Postgres

ROUTING, CLOCKS = Place("routing.events.v1", 0), Place("sla.events.v1", 3)
NOON = WindowKey("acme", 1_795_305_600_000, "billing", "SMS")
LATER = WindowKey("acme", 1_795_305_660_000, "", "")
CURSOR = Cursor(5, {"routing.matcher/0": Stamp(1, 9)})
FIRST = Batch(
    moves={ROUTING: Move(0, CURSOR), CLOCKS: Move(0, Cursor(2))},
    changes={
        PartKey(ROUTING, NOON): Change(0, Part(5, {"offered": 3, "wait_ms_max": 70})),
        PartKey(CLOCKS, NOON): Change(0, Part(2, {"clocks_met": 1, "wait_ms_max": 90})),
    },
)


@pytest.fixture
async def postgres_store(postgres: Postgres) -> AsyncIterator[PostgresStore]:
    pool = Pool(
        SecretStr(await fresh_schema(postgres)),
        application="test",
        health=Health(),
        background=Background(),
    )
    await pool.start()
    store = PostgresStore(pool, clock=SystemClock())
    await store.join()
    yield store
    await pool.stop()


@pytest.fixture(params=["postgres", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    found: PostgresStore = request.getfixturevalue("postgres_store")
    return found


def second(base: int) -> Batch:
    part = Part(6, {"offered": 4, "wait_ms_max": 70})
    return Batch({ROUTING: Move(5, Cursor(6))}, {PartKey(ROUTING, NOON): Change(base, part)})


async def test_windows_are_the_sum_of_their_parts(store: Store) -> None:
    (window,) = await store.save(FIRST)
    assert window.key == NOON
    assert window.counts == {"offered": 3, "clocks_met": 1, "wait_ms_max": 90}
    assert window.counts == total(change.part.counts for change in FIRST.changes.values())


async def test_cursors_are_saved_with_them(store: Store) -> None:
    await store.save(FIRST)
    assert await store.cursors([ROUTING, CLOCKS, Place("x", 0)]) == {
        ROUTING: CURSOR,
        CLOCKS: Cursor(2),
    }


async def test_the_same_batch_again_changes_nothing_and_says_the_same(store: Store) -> None:
    assert await store.save(FIRST) == await store.save(FIRST)


async def test_revisions_rise_with_every_change(store: Store) -> None:
    (before,) = await store.save(FIRST)
    (after,) = await store.save(second(5))
    assert after.revision > before.revision
    assert after.counts["offered"] == 4


async def test_a_stale_part_is_shown_and_nothing_is_saved(store: Store) -> None:
    await store.save(FIRST)
    with pytest.raises(StaleParts) as caught:
        await store.save(second(4))
    assert caught.value.stored == {
        PartKey(ROUTING, NOON): FIRST.changes[PartKey(ROUTING, NOON)].part
    }
    assert (await store.cursors([ROUTING]))[ROUTING] == CURSOR


async def test_a_part_that_is_not_there_is_stale_too(store: Store) -> None:
    unknown = PartKey(ROUTING, LATER)
    batch = Batch({ROUTING: Move(0, Cursor(1))}, {unknown: Change(7, Part(8, {"offered": 1}))})
    with pytest.raises(StaleParts) as caught:
        await store.save(batch)
    assert caught.value.stored == {unknown: Part()}


async def test_another_reader_of_a_place_is_fenced(store: Store) -> None:
    await store.save(FIRST)
    with pytest.raises(Fenced):
        await store.save(Batch({ROUTING: Move(4, Cursor(7))}, {}))
    with pytest.raises(Fenced):
        await store.save(Batch({ROUTING: Move(0, Cursor(9))}, {}))


async def test_a_place_read_without_news_keeps_its_cursor(store: Store) -> None:
    await store.save(FIRST)
    assert list(await store.save(Batch({ROUTING: Move(5, Cursor(9))}, {}))) == []
    assert (await store.cursors([ROUTING]))[ROUTING].next_offset == 9


async def test_a_rebuild_drops_all_and_fences_who_still_counts(
    postgres_store: PostgresStore,
) -> None:
    (before,) = await postgres_store.save(FIRST)
    assert await postgres_store.rebuild() == postgres_store.generation + 1
    with pytest.raises(Fenced):
        await postgres_store.save(FIRST)
    await postgres_store.join()
    (after,) = await postgres_store.save(FIRST)
    assert (after.counts, after.key) == (before.counts, before.key)
    assert after.revision > before.revision


async def test_windows_are_read_in_order_and_by_page(postgres_store: PostgresStore) -> None:
    changes = {
        PartKey(ROUTING, WindowKey("acme", at * 60_000, pool, "SMS")): Change(
            0, Part(1, {"offered": at})
        )
        for at in range(1, 4)
        for pool in ("", "billing")
    }
    await postgres_store.save(Batch({ROUTING: Move(0, Cursor(1))}, changes))
    wanted = Wanted(tenant_id="acme", from_ms=60_000, to_ms=180_000)
    keys = sorted(key.window for key in changes if key.window.start_ms < 180_000)
    first = await postgres_store.windows(wanted, limit=3)
    rest = await postgres_store.windows(wanted, after=first[-1].key, limit=3)
    assert [window.key for window in [*first, *rest]] == keys
    assert await postgres_store.sums(wanted) == total(w.counts for w in [*first, *rest])
    other = Wanted(tenant_id="acme", pool="billing", channel="SMS")
    assert {w.key.pool for w in await postgres_store.windows(other, limit=9)} == {"billing"}
    assert await postgres_store.windows(Wanted(tenant_id="globex"), limit=9) == []


async def test_changes_come_in_the_order_of_their_revisions(
    postgres_store: PostgresStore,
) -> None:
    (first,) = await postgres_store.save(FIRST)
    assert await postgres_store.revision() == first.revision
    (window,) = await postgres_store.save(second(5))
    assert await postgres_store.changed(first.revision, limit=9) == [window]
    assert await postgres_store.changed(window.revision, limit=9) == []


async def test_old_windows_are_deleted_with_their_parts(postgres_store: PostgresStore) -> None:
    await postgres_store.save(FIRST)
    assert await postgres_store.prune(NOON.start_ms) == 0
    assert await postgres_store.prune(NOON.start_ms + 1) == 3
    assert await postgres_store.windows(Wanted(tenant_id="acme"), limit=9) == []
