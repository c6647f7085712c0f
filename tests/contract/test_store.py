"""One suite for every store: what the engine relies on holds in Postgres and in memory alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.fates import Fenced, LayoutRefused, WriteRefused
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.bus.record import Record
from services.chassis.bus.store import Commit, Place, Stamp, Store, Taken
from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.postgres.pool import CHECK, Postgres
from tests.support import stack
from tests.support.counter import Counter, counter_dsn
from tests.support.memory_store import MemoryStore

P = "counter.sum"


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore(Counter().tables)
        return
    server: stack.Postgres = request.getfixturevalue("postgres")
    dsn = await counter_dsn(await server.adatabase("store"))
    opened = Postgres(
        SecretStr(dsn), application="store suite", health=Health(CHECK), background=Background()
    )
    await opened.start()
    yield PostgresStore(opened)
    await opened.stop()


async def _take(store: Store, *shards: int, layout: int = 1) -> list[Taken]:
    return await store.take(P, layout=layout, partitions=4, shards=shards or [0], owner="suite")


def _commit(epoch: int = 1, version: int = 0, **sections: Any) -> Commit:
    commit = Commit(P, shards=[[0, epoch, version, 1000]])
    for name, value in sections.items():
        setattr(commit, name, value)
    return commit


def _total(total: int, entity: str = "a") -> dict[str, Any]:
    return {"entity": entity, "shard": 0, "total": total, "seen": 1}


async def test_a_new_shard_is_empty_and_fenced(store: Store) -> None:
    [first] = await _take(store)
    [second] = await _take(store)
    assert (first.epoch, first.version, second.epoch) == (1, 0, 2)
    assert (first.offsets, first.outbox, first.timers) == ({}, [], [])
    assert await store.positions(P, [0]) == {0: (2, 0)}


async def test_everything_a_batch_changes_is_there_for_the_heir(store: Store) -> None:
    await _take(store)
    commit = _commit(
        offsets=[["counts", 0, 7, "id-1"]],
        cursors=[["counts", 0, "up", 3, 0, 9]],
        sequences=[[0, "totals", 2, 4]],
        timers=[[0, "t1", 5000], [0, "t2", 6000]],
        rows={"total": [_total(5)]},
    )
    commit.outbox = [[0, 1, commit.payload(b"first")]]
    assert await store.commit(commit) == frozenset()
    await store.commit(_commit(version=1, cancelled=[[0, "t1"]], timers=[[0, "t2", 7000]]))
    [heir] = await _take(store)
    assert (heir.version, heir.now_ms, heir.offsets) == (2, 1000, {"counts": 7})
    assert heir.topic_ids == {"counts": "id-1"}
    assert heir.cursors == {Place("counts", "up", 3): Stamp(0, 9)}
    assert heir.sequences == {("totals", 2): 4}
    assert list(heir.timers) == [("t2", 7000)]
    assert list(heir.outbox) == [(1, b"first")]
    assert await store.rows.select("total", shard=0) == [_total(5)]
    assert await store.rows.select("total", entity=["a", "b"], seen=1) == [_total(5)]
    assert await store.rows.select("total", entity=["b"]) == []


async def test_published_rows_go_up_to_their_version_with_a_commit_or_alone(store: Store) -> None:
    await _take(store)
    for version in range(3):
        commit = _commit(version=version)
        commit.outbox = [[0, version + 1, commit.payload(b"%d" % version)]]
        await store.commit(commit)
    await store.commit(_commit(version=3, published=[[0, 1]]))
    [heir] = await _take(store)
    assert [version for version, _ in heir.outbox] == [2, 3]
    await store.forget_published(P, {0: 2})
    [heir] = await _take(store)
    assert [version for version, _ in heir.outbox] == [3]


@pytest.mark.parametrize(("epoch", "version"), [(1, 0), (2, 1)], ids=["old epoch", "old version"])
async def test_a_stale_fence_writes_nothing(store: Store, epoch: int, version: int) -> None:
    await _take(store)
    await _take(store)
    with pytest.raises(Fenced):
        await store.commit(_commit(epoch, version, rows={"total": [_total(5)]}))
    assert await store.rows.select("total") == []


async def test_one_stale_shard_of_two_undoes_both(store: Store) -> None:
    await _take(store, 0, 1)
    await _take(store, 1)
    commit = _commit(rows={"total": [_total(5)]})
    commit.shards.append([1, 1, 0, 1000])
    with pytest.raises(Fenced):
        await store.commit(commit)
    assert await store.positions(P, [0]) == {0: (1, 0)}
    assert await store.rows.select("total") == []


async def test_a_refused_row_undoes_the_batch(store: Store) -> None:
    await _take(store)
    rows = {"total": [_total(5), _total(1) | {"entity": "nul \0 byte"}]}
    with pytest.raises(WriteRefused):
        await store.commit(_commit(rows=rows))
    assert await store.rows.select("total") == []
    assert await store.positions(P, [0]) == {0: (1, 0)}


async def test_known_requests_are_named_and_nothing_is_written(store: Store) -> None:
    await _take(store)
    commit = _commit()
    commit.requests = [["r1", 1000, commit.payload(b"answer")], ["r2", 1000, None]]
    await store.commit(commit)
    again = _commit(version=1, rows={"total": [_total(5)]})
    again.requests = [["r2", 2000, None], ["r3", 2000, None], ["r1", 2000, None]]
    assert await store.commit(again) == {"r1", "r2"}
    assert await store.positions(P, [0]) == {0: (1, 1)}
    assert await store.rows.select("total") == []
    assert await store.outcomes(["r1", "r2", "r3"]) == {"r1": b"answer", "r2": b""}


async def test_letters_are_kept_in_order_until_they_are_settled(store: Store) -> None:
    await _take(store)
    for version, name in enumerate(["l1", "l2"]):
        commit = _commit(version=version, parked=[[0, "e"]])
        letter = DeadLetter(dead_letter_id=name, processor=P, entity="e", offset=version)
        payload = commit.payload(letter.SerializeToString())
        commit.letters = [[name, 0, "e", "counts", version, "ValueError", 1000, payload]]
        await store.commit(commit)
    found = await store.letters("l2")
    assert [(it.dead_letter_id, it.offset) for it in found] == [("l1", 0), ("l2", 1)]
    assert (await _take(store))[0].parked == {"e"}
    await store.commit(_commit(2, 2, settled=[["l1", "replayed"]], unparked=[[0, "e"]]))
    assert await store.letters("l1") == []
    assert [it.dead_letter_id for it in await store.letters("l2")] == ["l2"]
    assert (await _take(store))[0].parked == frozenset()


async def test_attempts_are_counted_per_record_and_forgotten_with_progress(store: Store) -> None:
    await _take(store)

    async def attempt(offset: int) -> int:
        return await store.attempt(P, Record("counts", 0, offset, 0, b"", b""))

    assert [await attempt(7), await attempt(7), await attempt(8)] == [1, 2, 1]
    assert [taken.takeovers for taken in await _take(store)] == [2]
    await store.commit(_commit(2))
    assert await attempt(8) == 1
    assert [taken.takeovers for taken in await _take(store)] == [1]


@pytest.mark.parametrize(("layout", "partitions"), [(1, 4), (2, 8)], ids=["older", "recut"])
async def test_another_layout_or_cut_is_refused(store: Store, layout: int, partitions: int) -> None:
    await _take(store, layout=2)
    with pytest.raises(LayoutRefused):
        await store.take(P, layout=layout, partitions=partitions, shards=[0], owner="late")
    assert await store.positions(P, [0]) == {0: (1, 0)}


async def test_days_are_kept_by_the_role_that_may_not_make_tables(store: Store) -> None:
    for day in (20_000, 20_001, 20_015):
        await store.keep_days(day * 86_400_000)
    await _take(store)
    commit = _commit()
    commit.requests = [["r", 20_015 * 86_400_000, None]]
    await store.commit(commit)
    assert await store.outcomes(["r"]) == {"r": b""}


async def test_the_suite_reaches_postgres(postgres: stack.Postgres) -> None:
    connection = await asyncpg.connect(postgres.admin_dsn)
    assert int(await connection.fetchval("SHOW server_version_num")) >= 180000
    await connection.close()
