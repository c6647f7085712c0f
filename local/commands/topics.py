"""`switchboard topics`: provision and describe the topics of the registry."""

from __future__ import annotations

import typer

from local.commands import console

app = typer.Typer(help="Provision and describe the topics.", no_args_is_help=True)


@app.command("apply")
def apply(home: console.HomeOption = None) -> None:
    """Create the topics that are missing."""
    console.home_of(home)


@app.command("list")
def show(home: console.HomeOption = None) -> None:
    """Show every topic."""
    console.home_of(home)
