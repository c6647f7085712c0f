"""`switchboard dlq`: records that could not be processed, and what becomes of them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from local import state
from local.commands import console

if TYPE_CHECKING:
    from local.deadletters import Letter

app = typer.Typer(help="List, show, replay and discard dead letters.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the dead letter.")]
AllOption = Annotated[bool, typer.Option("--all", help="Also those that were settled.")]
RevealOption = Annotated[
    bool, typer.Option("--reveal", help="Print the record itself, which may be personal.")
]


@app.command("list")
def listed(
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    everything: AllOption = False,  # noqa: FBT002 - typer calls it by keyword
) -> None:
    """List dead letters, oldest first."""
    from local import deadletters

    running = state.require_running(console.home_of(home))
    status = None if everything else deadletters.OPEN
    letters = asyncio.run(deadletters.listed(running, status=status))
    if output is console.Output.JSON:
        console.print_json([asdict(letter) for letter in letters])
        return
    for letter in letters:
        record = f"{letter.topic}/{letter.shard}/{letter.offset}"
        console.out.print(f"{letter.id}  {letter.status}  {letter.processor}", markup=False)
        console.out.print(f"    {record}  {letter.entity}\n    {letter.error}", markup=False)
    if not letters:
        console.out.print("No dead letters.")


@app.command("show")
def show(
    letter_id: IdArgument,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    reveal: RevealOption = False,  # noqa: FBT002 - typer calls it by keyword
) -> None:
    """Show one dead letter; its record only on request, for it may be personal."""
    from local import deadletters

    running = state.require_running(console.home_of(home))
    letter, record = asyncio.run(deadletters.found(running, letter_id))
    document = asdict(letter) | {
        "headers": {each.name: each.value.decode(errors="replace") for each in record.headers},
        "behind": record.cause_dead_letter_id,
        "bytes": len(record.value),
    }
    if reveal:
        document["record"] = deadletters.text_of(record)
    if output is console.Output.JSON:
        console.print_json(document)
        return
    for name, value in document.items():
        console.out.print(f"{name:>10}  {value}", markup=False)


@app.command("replay")
def replay(letter_id: IdArgument, home: console.HomeOption = None) -> None:
    """Let the owner process a dead letter again; exit status 1 where it fails again."""
    from local import deadletters

    async def run(running: state.StackState) -> Letter:
        letter, _ = await deadletters.found(running, letter_id)
        return await deadletters.replay(running, letter)

    _report(asyncio.run(run(state.require_running(console.home_of(home)))))


@app.command("discard")
def discard(
    letter_id: IdArgument,
    reason: Annotated[str, typer.Option(help="Why it is given up, for the record.")],
    home: console.HomeOption = None,
) -> None:
    """Give a dead letter up for good; what waits behind it goes on."""
    from local import deadletters

    async def run(running: state.StackState) -> Letter:
        letter, _ = await deadletters.found(running, letter_id)
        return await deadletters.discard(running, letter, reason=reason)

    _report(asyncio.run(run(state.require_running(console.home_of(home)))))


def _report(letter: Letter) -> None:
    if letter.status == "open":
        console.error(f"{letter.id} is still open: {letter.error}")
        raise typer.Exit(1)
    console.out.print(f"{letter.id} is {letter.status}.")
