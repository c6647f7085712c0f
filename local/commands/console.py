"""What every command shares: its options, and how it writes to the terminal."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from local.home import Home

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Output(StrEnum):
    """How a command prints its result."""

    TEXT = "text"
    JSON = "json"


HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Data folder (default: SWITCHBOARD_HOME, else .switchboard)."),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text or json.")]


def home_of(option: Path | None) -> Home:
    """Give the data folder that the options name."""
    return Home.choose(option)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout, alone."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def error(words: str) -> None:
    """Say on stderr what went wrong."""
    err.print(words, style="red", markup=False)
