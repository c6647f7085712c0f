"""One whole stack for all end-to-end tests, driven by the command line as a person would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from local import state
from local.home import HOME_VARIABLE, Home

COMMAND_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed."""
        return orjson.loads(self.out)


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack and its command line."""

    home: Home

    @property
    def state(self) -> state.StackState:
        """What runs now."""
        return state.load(self.home)

    def run(self, *arguments: str, given: str = "") -> Result:
        """Run `switchboard` with `given` on its standard input, and wait for its end."""
        environment = os.environ | {
            HOME_VARIABLE: str(self.home.path),
            "SWITCHBOARD_TRACE_RATIO": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "local.cli", *arguments],
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The stack, up; two processes of each stateful service would take longer, chaos has them."""
    folder = Path(tempfile.mkdtemp(prefix="switchboard-e2e-"))
    stack = Stack(Home(folder))
    try:
        started = stack.run("up", "-o", "json")
        assert started.status == 0, started.err
        yield stack
    finally:
        stopped = stack.run("down")
        shutil.rmtree(folder, ignore_errors=True)
    assert stopped.status == 0, stopped.err


@pytest.fixture(scope="session")
def demo(stack: Stack) -> Result:
    """A short run of traffic, long enough for every planted person to write."""
    return stack.run("demo", "--rate", "15", "--seconds", "12", "-o", "json")
