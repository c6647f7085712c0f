"""What every command that calls a service shares: for which tenant, and how it calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from local import state
from local.commands import console

if TYPE_CHECKING:
    from local.intake import Desk

TENANT = "default"
TenantOption = Annotated[str, typer.Option(help="Whose it is.")]
T = TypeVar("T")


def call(
    home: Path | None,
    tenant: str,
    work: Callable[[Desk], Awaitable[T]],
    *,
    service: str = "intake",
) -> T:
    """What `work` gives with the APIs of the stack that runs in `home`."""
    from local import intake

    chosen = console.home_of(home)
    running = state.require_running(chosen)

    async def run() -> T:
        async with intake.opened(chosen, running, tenant=tenant, service=service) as desk:
            return await work(desk)

    return asyncio.run(run())
