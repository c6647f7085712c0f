"""The order in which the stack comes up: servers side by side, their contents, the services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from local.process import Command
from local.supervisor.keeper import Keeper, run_once

PROVISION_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server, what prepares its folder (blocking), and what fills it once it serves."""

    keeper: Keeper
    prepare: Callable[[], None]
    provision: Command | None = None


async def bring_up(
    *,
    servers: Sequence[Server],
    services: Sequence[Keeper],
    keep: Callable[[Keeper], Awaitable[None]],
) -> None:
    """Start everything and wait until all of it serves.

    `keep` begins to keep a process and returns at once.

    Raises:
        StackError: Something failed for good; what has started is still running.
    """
    async with asyncio.TaskGroup() as group:
        for server in servers:
            group.create_task(_bring_up_server(server, keep))
    for keeper in services:
        await keep(keeper)
    async with asyncio.TaskGroup() as group:
        for keeper in services:
            group.create_task(keeper.wait_served())


async def _bring_up_server(server: Server, keep: Callable[[Keeper], Awaitable[None]]) -> None:
    await asyncio.to_thread(server.prepare)
    await keep(server.keeper)
    await server.keeper.wait_served()
    if server.provision is not None:
        await run_once(server.provision, deadline_s=PROVISION_DEADLINE_S)
