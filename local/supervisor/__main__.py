"""The supervisor's process: holds the data folder's lock, reports to whoever started it.

Each line on the report's pipe is one JSON object: `phase`, `reason`, `processes` (name: status).
The pipe is closed once the stack is up or has failed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import sys
from pathlib import Path

from local.home import Home
from local.issuer import Issuer
from local.state import STARTING, StackState
from local.supervisor import plan
from local.supervisor.run import Supervisor

EXIT_LOCKED = 75


class Report:
    """Tells the starting command how far the stack is, until it is up."""

    def __init__(self, descriptor: int) -> None:
        """Take over the pipe's writing end."""
        self._descriptor: int | None = descriptor

    def __call__(self, state: StackState) -> None:
        """Send one line; a reader that went away is nothing to us."""
        if self._descriptor is None:
            return
        line = {
            "phase": state.phase,
            "reason": state.reason,
            "processes": {each.name: each.status for each in state.processes},
        }
        with contextlib.suppress(BrokenPipeError):
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        if state.phase != STARTING:
            os.close(self._descriptor)
            self._descriptor = None


def main() -> int:
    """Run the stack under one data folder until SIGTERM."""
    arguments = _arguments()
    home = Home(arguments.home)
    home.create()
    with home.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return EXIT_LOCKED
        Issuer(home)
        options = plan.Options(
            services=tuple(arguments.services),
            replicas=json.loads(arguments.replicas),
            partitions=arguments.partitions,
        )
        return asyncio.run(_run(home, options, Report(arguments.report)))


async def _run(home: Home, options: plan.Options, report: Report) -> int:
    supervisor = Supervisor(home=home, plan=plan.make(home, options), listener=report)
    return await supervisor.run()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--report", type=int, required=True)
    parser.add_argument("--services", nargs="*", default=plan.SERVICES)
    parser.add_argument("--replicas", default="{}")
    parser.add_argument("--partitions", type=int, default=plan.PARTITIONS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
