"""`switchboard demo`: traffic through the public doors, and the verdict on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from local import launch, state
from local.commands import console
from local.commands.up import ReplicasOption, parse_replicas, start
from local.commands.verify import show
from local.demo.order import Order, doors_of
from local.endpoints import CHAT_ACCOUNT
from local.home import Home
from local.supervisor import plan

if TYPE_CHECKING:
    from local.demo.result import Run

KeepOption = Annotated[
    bool, typer.Option("--keep", help="Leave the stack running, also one that was started here.")
]


def demo(
    rate: Annotated[float, typer.Option(min=0.1, help="Inbound messages a second.")] = 20.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long messages come in.")] = 60.0,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    seed: Annotated[int, typer.Option(help="Decides who writes what.")] = 1,
    channels: Annotated[
        str, typer.Option(help="Where customers write: sms,whatsapp,form,… (default: all).")
    ] = "",
    replicas: ReplicasOption = None,
    keep: KeepOption = False,  # noqa: FBT002 - typer calls it by keyword
) -> None:
    """Drive the stack, wait until it is through, and judge; start it first if need be."""
    chosen = console.home_of(home)
    doors = doors_of([each.strip() for each in channels.split(",") if each.strip()])
    started = start(chosen, plan.Options(replicas=parse_replicas(replicas or [])))
    for address in started.state.http("console")[:1]:
        console.err.print(f"console: {address}")
    for address in started.state.http("intake")[:1]:
        console.err.print(f"chat:    {address}/chat/{CHAT_ACCOUNT}/example")
    try:
        run = _perform(chosen, started.state, Order(rate, seconds, seed, doors))
        _print(run, output)
    finally:
        if not keep and not started.was_running:
            launch.down(chosen)
        elif not started.was_running:
            console.err.print("The stack goes on running; stop it with: switchboard down")
    if not run.succeeded:
        raise typer.Exit(1)


def _perform(home: Home, found: state.StackState, order: Order) -> Run:
    from local.demo.figures import Figures
    from local.demo.progress import Progress
    from local.demo.run import perform

    figures = Figures()
    with Progress(console.err, figures) as progress:
        return asyncio.run(perform(home, found, order, figures=figures, progress=progress))


def _print(run: Run, output: console.Output) -> None:
    if output is console.Output.JSON:
        console.print_json(run.document())
        return
    from local.demo.progress import final_table

    console.out.print(final_table(run))
    if not run.drained.empty:
        left = ", ".join(f"{count} {what}" for what, count in run.drained.left.items() if count)
        console.out.print(f"[red]Not all came to an end: {left}[/]")
    show(run.report)
