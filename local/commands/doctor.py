"""`switchboard doctor`: is this machine, and the stack on it, as it should be?"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from itertools import groupby

import typer

from local import state
from local.commands import console
from local.doctor import check, machine
from local.home import Home


def doctor(
    home: console.HomeOption = None, output: console.OutputOption = console.Output.TEXT
) -> None:
    """Check this machine and the running stack; exit status 1 where something is wrong."""
    outcomes = asyncio.run(check.run(_categories(console.home_of(home))))
    healthy = all(each.holds for each in outcomes)
    if output is console.Output.JSON:
        checks = [{**asdict(each), "result": _result(each)} for each in outcomes]
        console.print_json({"success": healthy, "checks": checks})
    else:
        _print(outcomes)
        console.out.print(f"Status check results are {'√' if healthy else '×'}")
    if not healthy:
        raise typer.Exit(1)


def _categories(home: Home) -> list[check.Category]:
    found = state.load(home)
    if not found.is_supervised():
        console.err.print("The stack isn't running, so only this machine is checked.", style="dim")
        return [machine.category(home)]
    from local.doctor import stack

    return [machine.category(home), *stack.categories(home, found)]


def _print(outcomes: list[check.Outcome]) -> None:
    for category, members in groupby(outcomes, key=lambda each: each.category):
        console.out.print(f"{category}\n{'-' * len(category)}")
        for each in members:
            mark = "[green]√[/]" if each.holds else "[red]×[/]"
            console.out.print(f"{mark} {each.description}")
            if not each.holds:
                console.out.print(f"    {each.error}\n    {each.hint}", markup=False)
        console.out.print()


def _result(outcome: check.Outcome) -> str:
    return "success" if outcome.holds else "error"
