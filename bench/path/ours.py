"""Our side of the contest: signed webhooks into intake, offers out of agents' streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.path import sample
from bench.path.figures import Run
from bench.path.floor import FIRST_SENDER, Floor, staffed
from bench.path.meter import Meter
from bench.path.rig import OURS, Rig
from bench.path.sample import ADDRESS, Sample
from bench.path.webhooks import Provider


@asynccontextmanager
async def serving(rig: Rig) -> AsyncIterator[Meter]:
    """Intake and routing, running; ends them afterwards."""
    await rig.start(rig.unit(service) for service in OURS)
    try:
        yield Meter(rig.pids(OURS))
    finally:
        await rig.stop(OURS)


async def sampled(rig: Rig) -> Sample:
    """What our path leaves of one message; nothing has gone over it before."""
    await rig.start(rig.unit(service) for service in OURS)
    try:
        provider = Provider(rig.unit("intake").http_port)
        async with staffed(rig, "sample", messages=1) as floor:
            begun: dict[str, float] = {}
            await provider.post(floor.webhooks(1), 1, begun)
            await floor.offered(begun)
            found = await sample.take(
                admin_dsn=rig.plan.postgres_admin_dsn,
                bootstrap=rig.plan.kafka_bootstrap,
                partitions=rig.plan.partitions,
                address=f"{ADDRESS}{FIRST_SENDER}",
            )
        provider.close()
    finally:
        await rig.stop(OURS)
    return found


async def contest(
    rig: Rig, meter: Meter, *, tenant: str, rate: int, seconds: float, warm_seconds: float
) -> Run:
    """Messages of new customers at a rate, each offered to an agent at once."""
    messages = int(rate * (seconds + warm_seconds))
    provider = Provider(rig.unit("intake").http_port)
    async with staffed(rig, tenant, messages=messages) as floor:
        await _drive(floor, provider, meter, rate=rate, count=int(rate * warm_seconds))
        run = await _drive(floor, provider, meter, rate=rate, count=int(rate * seconds))
    provider.close()
    return run


async def _drive(floor: Floor, provider: Provider, meter: Meter, *, rate: int, count: int) -> Run:
    webhooks = floor.webhooks(count)
    begun: dict[str, float] = {}
    meter.restart()
    accepted_ms = await provider.post(webhooks, rate, begun)
    await floor.offered(begun)
    cpu_ms = {name: ms / count for name, ms in meter.cpu_ms().items()}
    return Run(
        [(floor.offered_at[key] - at) * 1000 for key, at in begun.items()], accepted_ms, cpu_ms
    )
