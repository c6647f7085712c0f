"""What processes cost: CPU seconds and resident memory, a server's children included."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import psutil

POSTGRES = "postgres"


class Meter:
    """Reads the cost of some processes between two moments."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._began = self._seconds()

    def restart(self) -> None:
        """Count from now on."""
        self._began = self._seconds()

    def cpu_ms(self) -> dict[str, float]:
        """CPU milliseconds of each process since the start."""
        return {name: (now - self._began[name]) * 1000 for name, now in self._seconds().items()}

    async def idle_percent(self, seconds: float) -> dict[str, float]:
        """Percent of a core that each takes from now on, over some seconds."""
        self.restart()
        await asyncio.sleep(seconds)
        return {name: ms / seconds / 10 for name, ms in self.cpu_ms().items()}

    def resident_mb(self) -> dict[str, float]:
        """Resident memory; Postgres' processes share theirs, each page is counted once."""
        return {
            name: sum(each.memory_full_info().pss for each in _family(process)) / 1e6
            if name == POSTGRES
            else process.memory_info().rss / 1e6
            for name, process in self._processes.items()
        }

    def _seconds(self) -> dict[str, float]:
        return {name: _cpu_seconds(process) for name, process in self._processes.items()}


def _cpu_seconds(process: psutil.Process) -> float:
    """Of a process, its living children, and those that have ended."""
    total = 0.0
    for each in _family(process):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]
