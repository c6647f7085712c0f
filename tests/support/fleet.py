"""Processes that are killed and frozen, and started again as a supervisor would."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 40


@dataclass(slots=True)
class Member:
    """One place in a fleet; `exits` are the statuses of the processes that stood in it before."""

    name: str
    module: str
    environment: Mapping[str, str]
    log: Path
    once: dict[str, str] = field(default_factory=dict)  # environment of the next start alone
    exits: list[int] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None

    async def keep(self) -> None:
        """Start the process, and start it again whenever it ends."""
        while True:
            extra, self.once = self.once, {}
            with self.log.open("ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    self.module,
                    env=os.environ | dict(self.environment) | extra,
                    stdout=log,
                    stderr=log,
                )
            self.exits.append(await self.process.wait())

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process still lives."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


class Fleet:
    """Keeps its members running while the block lasts."""

    def __init__(self, *members: Member) -> None:
        self.members = members
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Fleet:
        self._keepers = [asyncio.create_task(member.keep()) for member in self.members]
        return self

    async def __aexit__(self, *_: object) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.wait(self._keepers)
        for member in self.members:
            member.send(signal.SIGCONT)
            member.send(signal.SIGTERM)
        await asyncio.gather(*(self._ended(member) for member in self.members))

    async def _ended(self, member: Member) -> None:
        if member.process is None:
            return
        try:
            await asyncio.wait_for(member.process.wait(), STOP_SECONDS)
        except TimeoutError:
            member.process.kill()
            await member.process.wait()
            raise
