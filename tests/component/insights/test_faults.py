"""Kills, handovers and rebuilds leave no trace in the windows."""

from __future__ import annotations

import signal

from tests.component.insights.conftest import World, running
from tests.component.insights.facts import MINUTE_MS, answered, now_ms, send_offers
from tests.support.waiting import until

TENANTS = [f"shared-{number}" for number in range(6)]


async def test_kills_and_handovers_lose_nothing_and_double_nothing(world: World) -> None:
    async with running(world, 2) as fleet:
        first, second = fleet.members
        for tenant in TENANTS:
            await send_offers(world, tenant, 20)
        second.send(signal.SIGKILL)
        for tenant in TENANTS:
            await send_offers(world, tenant, 20, first=21)
            await world.counted(tenant, "offered", 40)
        for tenant in TENANTS:
            await send_offers(world, tenant, 20, first=41)
        first.send(signal.SIGTERM)
        await until(lambda: first.exits, what="the first process to end")
        for tenant in TENANTS:
            await world.counted(tenant, "offered", 60, at=1)
        assert [await world.counts(tenant, "offered", at=1) for tenant in TENANTS] == [60] * 6
        assert (first.exits[0], second.exits[0]) == (0, -signal.SIGKILL)


async def test_windows_dropped_and_rebuilt_are_the_same(world: World) -> None:
    tenant = "rebuilt"
    async with running(world, 1) as fleet:
        now = await now_ms(world)
        await send_offers(world, tenant, 50)
        await world.publish("feedback.events.v1", answered(tenant, now - MINUTE_MS, 2), key="c1")
        await world.counted(tenant, "offered", 50)
        await world.counted(tenant, "surveys_answered", 1)
        before = await world.windows(tenant)

        assert "is being built" in world.rebuild()
        await send_offers(world, tenant, 1, first=51)  # the old generation meets its fence
        member = fleet.members[0]
        await until(lambda: member.exits, what="the old generation to end", deadline_s=60)
        await world.counted(tenant, "offered", 51)
        await world.counted(tenant, "surveys_answered", 1)

        after = await world.windows(tenant)
        assert sum(counts.pop("offered", 0) for counts in after.values()) == 51
        assert sum(counts.pop("offered", 0) for counts in before.values()) == 50
        assert {key: counts for key, counts in after.items() if counts} == {
            key: counts for key, counts in before.items() if counts
        }
        assert member.exits == [70]
