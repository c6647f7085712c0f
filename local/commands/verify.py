"""`switchboard verify`: was anything lost, doubled, or against the rules?"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from local import state
from local.commands import console
from local.verify.finding import Kind, Report

SETTLE_DEADLINE_S = 60.0
SHOWN_MAX = 20


def verify(
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    settle: Annotated[
        float, typer.Option(help="Seconds to wait for consumers to be through.")
    ] = SETTLE_DEADLINE_S,
) -> None:
    """Join ledgers, topics and tables; exit status 1 unless nothing is lost, doubled, violated."""
    from local.verify.run import examine

    chosen = console.home_of(home)
    running = state.require_running(chosen)
    with console.err.status("reading ledgers, topics and tables"):
        report = asyncio.run(examine(chosen, running, settle_deadline_s=settle)).report
    if output is console.Output.JSON:
        console.print_json(report.document())
    else:
        show(report)
    if not report.holds:
        raise typer.Exit(1)


def show(report: Report) -> None:
    """Print the verdict for people."""
    looked_at = ", ".join(f"{count} {what}" for what, count in report.looked_at.items())
    console.out.print(f"Looked at {looked_at}.", markup=False)
    if report.findings:
        table = Table("kind", "what", "id", "detail", box=None, pad_edge=False)
        for each in report.findings[:SHOWN_MAX]:
            table.add_row(each.kind.value, each.what, each.id, each.detail)
        console.out.print(table)
        if len(report.findings) > SHOWN_MAX:
            console.out.print(f"… and {len(report.findings) - SHOWN_MAX} more (-o json has all).")
    counts = ", ".join(f"{kind.value} {report.count(kind)}" for kind in Kind)
    mark = "[green]√[/]" if report.holds else "[red]×[/]"
    console.out.print(f"{mark} {counts}")
