"""One process the supervisor keeps, and how it knows that the process serves."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from local.files import read_json
from local.ports import LOOPBACK
from local.process import Command

Probe = Callable[[int], Awaitable[bool]]
"""Given the pid, tells whether the process serves now."""

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Unit:
    """One process to keep; `service` is what it is one of, `command.name` is its own name."""

    service: str
    command: Command
    probe: Probe
    http_port: int = 0
    grpc_port: int = 0
    stop_signal: int = signal.SIGTERM
    grace_s: float = 25.0
    """How long a stop may take before the process is killed."""
    once: Path | None = None
    """A file with environment for the next start alone, such as a failpoint to arm."""

    @property
    def name(self) -> str:
        """Give the name of this process, unique in the stack."""
        return self.command.name

    def next_command(self) -> Command:
        """Give the command of the next start, and use up what is meant for it alone."""
        extra = read_json(self.once) if self.once else {}
        if self.once and extra:
            self.once.unlink()
        return replace(self.command, env={**self.command.env, **extra})


def http_probe(port: int, path: str) -> Probe:
    """Give a probe that wants 200 from a path."""

    async def probe(_pid: int) -> bool:
        return await http_status(port, path) == 200

    return probe


def plain_probe(check: Callable[[int], bool]) -> Probe:
    """Make a probe from a check that doesn't wait."""

    async def probe(pid: int) -> bool:
        return check(pid)

    return probe


async def http_status(port: int, path: str) -> int:
    """GET a path on loopback; gives the status, 0 where nobody answers."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(
                    f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
                await writer.drain()
                status_line = await reader.readline()
            finally:
                writer.close()
        return int(status_line.split()[1])
    except (OSError, TimeoutError, ValueError, IndexError):
        return 0
