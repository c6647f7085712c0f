"""`switchboard up` and `switchboard down`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.status import Status

from local import credentials, endpoints, launch, state
from local.commands import console
from local.errors import StackError
from local.home import Home
from local.requirements import require_stack
from local.supervisor import plan

ACCOUNTS_PATIENCE_S = 10.0
ReplicasOption = Annotated[
    list[str] | None,
    typer.Option("--replicas", help="Processes of a service, for example routing=2; repeatable."),
]


def up(
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    replicas: ReplicasOption = None,
    services: Annotated[
        list[str] | None, typer.Option("--service", help="Only these services; repeatable.")
    ] = None,
    partitions: Annotated[int, typer.Option(help="Partitions of every topic.")] = plan.PARTITIONS,
) -> None:
    """Start Kafka, Postgres, the providers' simulator and the services; write their accounts."""
    options = plan.Options(
        services=plan.SERVICES if services is None else tuple(each for each in services if each),
        replicas=parse_replicas(replicas or []),
        partitions=partitions,
    )
    began_s = time.monotonic()
    started = start(console.home_of(home), options)
    if output is console.Output.JSON:
        console.print_json(state.endpoints(started.state))
        return
    words = (
        "runs already" if started.was_running else f"is up in {time.monotonic() - began_s:.1f} s"
    )
    console.out.print(f"The stack {words}.")
    _print_addresses(started.state)


def down(home: console.HomeOption = None) -> None:
    """Drain and stop the services, then Kafka and Postgres. The data stays."""
    chosen = console.home_of(home)
    with console.err.status("stopping"):
        stopped = launch.down(chosen)
    console.out.print("The stack is down." if stopped else "The stack wasn't running.")


def start(home: Home, options: plan.Options) -> launch.Started:
    """Bring the stack up, with its accounts and a progress line on stderr.

    Raises:
        StackError: Something is missing or failed.
    """
    if not state.load(home).is_supervised():
        require_stack(home)
    with console.err.status("starting") as status:
        started = launch.up(home, options, progress=lambda line: _show(status, line))
        if started.state.of("intake") and not started.was_running:
            status.update("writing the accounts")
            asyncio.run(_provide_accounts(home, started.state))
    return started


async def _provide_accounts(home: Home, running: state.StackState) -> None:
    from local import accounts

    stated = endpoints.endpoints(credentials.load(home), running.http("intake"))
    async with accounts.opened(home, running, patience_s=ACCOUNTS_PATIENCE_S) as opened:
        await opened.provide(stated)


def parse_replicas(values: list[str]) -> dict[str, int]:
    """Read `service=N` options.

    Raises:
        StackError: One of them isn't a service and a number from 1 to 9.
    """
    parsed = {}
    for value in values:
        service, _, count = value.partition("=")
        if service not in plan.SERVICES or not count.isdigit() or not 1 <= int(count) <= 9:
            names = ", ".join(plan.SERVICES)
            raise StackError(f"--replicas takes service=1..9 with one of {names}, not {value!r}.")
        parsed[service] = int(count)
    return parsed


def _show(status: Status, line: Mapping[str, Any]) -> None:
    marks = {state.READY: "[green]✓[/]", state.FAILED: "[red]✗[/]", state.STOPPED: "[dim]·[/]"}
    each = (
        f"{marks.get(phase, '[yellow]…[/]')} {name}" for name, phase in line["processes"].items()
    )
    status.update("  ".join(each))


def _print_addresses(found: state.StackState) -> None:
    for address in found.http("console")[:1]:
        console.out.print(f"  console    {address}")
    for address in found.http("intake")[:1]:
        console.out.print(f"  webhooks   {address}")
        console.out.print(f"  chat       {address}/chat/{endpoints.CHAT_ACCOUNT}/example")
    console.out.print(f"  kafka      {found.kafka_bootstrap}")
    console.out.print("  stop with  switchboard down")
