"""Starting and stopping the stack from outside: a supervisor in the background."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import environment, state
from local.errors import StackError
from local.home import Home
from local.process import Command, start, stop_pid, tail
from local.supervisor import plan

STOP_GRACE_S = 90.0
LEFTOVER_GRACE_S = 20.0

Progress = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Started:
    """The stack that runs now."""

    state: state.StackState
    was_running: bool


def up(home: Home, options: plan.Options, *, progress: Progress) -> Started:
    """Bring the stack up unless it runs already; returns when all of it serves.

    Raises:
        StackError: Something failed; nothing is left running.
    """
    found = state.load(home)
    if found.is_supervised():
        if found.phase != state.READY:
            raise StackError(f"The stack is {found.phase}: wait, or run `switchboard down`.")
        return Started(found, was_running=True)
    home.create()
    end_leftovers(found)
    supervisor, reader = _start_supervisor(home, options)
    try:
        last = _follow(reader, progress)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait(timeout=STOP_GRACE_S)
        raise
    if last.get("phase") != state.READY:
        supervisor.wait(timeout=STOP_GRACE_S)
        raise StackError(last.get("reason") or f"The supervisor failed{tail(_log(home))}")
    return Started(state.load(home), was_running=False)


def down(home: Home) -> bool:
    """Stop the stack in order; False if it didn't run. Ends what a killed supervisor left."""
    found = state.load(home)
    stopped = stop_pid(
        found.supervisor_pid, created_s=found.supervisor_created_s, grace_s=STOP_GRACE_S
    )
    left = end_leftovers(state.load(home))
    return stopped or left


def end_leftovers(found: state.StackState) -> bool:
    """Stop processes whose supervisor is gone: services first, servers last; True if any ran."""
    servers = {"kafka", "postgres"}
    ordered = sorted(found.processes, key=lambda each: each.service in servers)
    ended = False
    for each in ordered:
        sig = signal.SIGINT if each.service == "postgres" else signal.SIGTERM
        ended |= stop_pid(each.pid, created_s=each.created_s, sig=sig, grace_s=LEFTOVER_GRACE_S)
    return ended


def _start_supervisor(home: Home, options: plan.Options) -> tuple[subprocess.Popen[bytes], int]:
    reader, writer = os.pipe()
    arguments = [
        *("--home", str(home.path), "--report", str(writer)),
        *("--services", *options.services),
        *("--replicas", json.dumps(dict(options.replicas or {}))),
        *("--partitions", str(options.partitions)),
    ]
    try:
        command = Command(
            name="supervisor",
            argv=(sys.executable, "-m", "local.supervisor", *arguments),
            log=_log(home),
            cwd=home.path,
            env=environment.interpreter(),
        )
        return start(command, pass_fds=(writer,)), reader
    finally:
        os.close(writer)


def _follow(reader: int, progress: Progress) -> dict[str, Any]:
    """Pass the supervisor's lines on until it closes the pipe; gives the last one."""
    last: dict[str, Any] = {}
    with os.fdopen(reader) as lines:
        for line in lines:
            last = json.loads(line)
            progress(last)
    return last


def _log(home: Home) -> Path:
    return home.log("supervisor")
