"""`switchboard status`: every process, whether it serves, what it uses."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psutil
import typer
from rich.table import Table

from local import state
from local.commands import console
from local.process import find
from local.supervisor.unit import http_status

MARKS = {"ready": "[green]ready[/]", "stopped": "[dim]stopped[/]"}


def status(
    home: console.HomeOption = None, output: console.OutputOption = console.Output.TEXT
) -> None:
    """Show what runs; exit status 1 unless all of it serves."""
    found = state.load(console.home_of(home))
    rows = asyncio.run(_rows(found))
    supervised = found.is_supervised()
    if output is console.Output.JSON:
        console.print_json({"phase": found.phase if supervised else "stopped", "processes": rows})
    elif not supervised:
        console.out.print("The stack isn't running: start it with `switchboard up`.")
    else:
        console.out.print(_table(rows))
    if not supervised or any(row["status"] != "ready" for row in rows):
        raise typer.Exit(1)


async def _rows(found: state.StackState) -> list[dict[str, Any]]:
    return list(await asyncio.gather(*(_row(each) for each in found.processes)))


async def _row(each: state.ProcessState) -> dict[str, Any]:
    process = find(each.pid, created_s=each.created_s) if each.pid else None
    status = each.status if process else ("stopped" if each.status == "ready" else each.status)
    if process and status == "ready" and each.http_port and each.grpc_port:
        ready = await http_status(each.http_port, "/readyz") == 200
        status = "ready" if ready else "not ready"
    return {
        "name": each.name,
        "service": each.service,
        "status": status,
        "pid": each.pid if process else 0,
        "http": each.http_port,
        "grpc": each.grpc_port,
        "restarts": each.restarts,
        "rss_mb": round(_rss_mb(process), 1),
        "up_s": round(time.time() - each.created_s) if process else 0,
    }


def _rss_mb(process: psutil.Process | None) -> float:
    """Give the resident memory of a process and its children (Postgres has many), in MB."""
    if process is None:
        return 0.0
    try:
        children = process.children(recursive=True)
        if not children:
            return float(process.memory_info().rss) / 1e6
        # A family shares most of its memory: each page counts once, split among its users.
        return sum(float(each.memory_full_info().pss) for each in [process, *children]) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("name", "status"):
        table.add_column(name)
    for name in ("pid", "http", "grpc", "restarts", "rss MB", "up"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["name"],
            MARKS.get(row["status"], f"[yellow]{row['status']}[/]"),
            *(str(row[key] or "-") for key in ("pid", "http", "grpc")),
            str(row["restarts"]),
            str(row["rss_mb"]),
            f"{row['up_s']} s",
        )
    return table
