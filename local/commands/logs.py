"""`switchboard logs`: what the processes write."""

from __future__ import annotations

import os
import shutil
import sys
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from local.commands import console
from local.errors import StackError
from local.home import Home

FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on as they write.")]


def logs(
    service: Annotated[
        str | None, typer.Argument(help="A service or a process; all if left out.")
    ] = None,
    home: console.HomeOption = None,
    follow: FollowOption = False,  # noqa: FBT002 - typer calls it by keyword
    lines: Annotated[int, typer.Option("--lines", "-n", help="Lines of each log.")] = 50,
) -> None:
    """Show the end of the logs, or follow them."""
    files = _files(console.home_of(home), service)
    if follow:
        _follow(files, lines)
    for path in files:
        if len(files) > 1:
            typer.echo(f"==> {path.stem} <==")
        with path.open(errors="replace") as log:
            for line in deque(log, maxlen=lines):
                typer.echo(line, nl=False)


def _files(home: Home, service: str | None) -> list[Path]:
    folder = home.log("x").parent
    found = sorted(folder.glob("*.log"))
    if service is not None:
        found = [path for path in found if service in (path.stem, path.stem.rpartition("-")[0])]
    if not found:
        raise StackError(f"There is no log of {service or 'anything'} in {folder}.")
    return found


def _follow(files: list[Path], lines: int) -> None:
    """Become `tail -F`, which sleeps in the kernel until a file changes."""
    tail = shutil.which("tail")
    if tail is None:
        raise StackError("`tail` is missing: install coreutils to follow logs.")
    sys.stdout.flush()
    os.execv(tail, [tail, "-n", str(lines), "-F", *map(str, files)])  # noqa: S606 - no shell wanted
