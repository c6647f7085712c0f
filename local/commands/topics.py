"""`switchboard topics`: make the topics of the registry, compare and show them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer
from rich.table import Table

from local import state
from local.commands import console
from local.errors import StackError

app = typer.Typer(help="Make the topics of the registry, compare and show them.")


@app.command("apply")
def apply(home: console.HomeOption = None) -> None:
    """Create the topics that are missing; one that differs from the registry is an error."""
    from local import provision

    bootstrap, partitions = _cluster(home)
    created = asyncio.run(provision.apply_topics(bootstrap=bootstrap, partitions=partitions))
    console.out.print(f"{len(created)} topics created.")


@app.command("check")
def check(
    home: console.HomeOption = None, output: console.OutputOption = console.Output.TEXT
) -> None:
    """Compare the cluster with the registry; exit status 1 where they differ."""
    from local import provision

    bootstrap, partitions = _cluster(home)
    drifts = asyncio.run(provision.topic_drifts(bootstrap=bootstrap, partitions=partitions))
    if output is console.Output.JSON:
        console.print_json([asdict(drift) for drift in drifts])
    else:
        for drift in drifts:
            console.out.print(str(drift))
        console.out.print("" if drifts else "All topics are as the registry wants them.")
    if drifts:
        raise typer.Exit(1)


@app.command("list")
def show(output: console.OutputOption = console.Output.TEXT) -> None:
    """Show what the registry says: owner, key, message, retention."""
    from services.chassis.bus import topics as registry

    found = registry.load().values()
    if output is console.Output.JSON:
        names = ("topic", "owner", "key", "message", "retention_days", "producers", "consumers")
        console.print_json([{name: getattr(each, name) for name in names} for each in found])
        return
    table = Table("topic", "key", "message", "days", box=None, pad_edge=False)
    for each in found:
        message = each.message.rpartition(".")[2]
        table.add_row(each.topic, each.key, message, str(each.retention_days))
    console.out.print(table)


def _cluster(home: console.HomeOption) -> tuple[str, int]:
    found = state.load(console.home_of(home))
    if not found.kafka_bootstrap:
        raise StackError("There is no Kafka yet: start the stack with `switchboard up`.")
    return found.kafka_bootstrap, found.partitions
