"""A process for lifecycle tests: parts that tell what happens, with a fault chosen by argument."""

from __future__ import annotations

import asyncio
import sys

from services.chassis.health import DRAINING, Health
from services.chassis.lifecycle import App, Background, run

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""


def tell(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


class Part:
    """Starts and stops aloud."""

    def __init__(self, name: str, background: Background) -> None:
        self.name = name
        self._background = background

    async def start(self) -> None:
        tell(f"start {self.name}")
        if f"start-{self.name}" == FAULT:
            raise OSError("taken")
        if f"hang-{self.name}" == FAULT:
            await asyncio.get_running_loop().create_future()
        if f"task-{self.name}" == FAULT:
            self._background.spawn(self._fail(), name=self.name)
        if f"crash-{self.name}" == FAULT:
            self._background.crash(RuntimeError("fenced"))

    async def stop(self) -> None:
        tell(f"stop {self.name}")
        if f"stop-{self.name}" == FAULT:
            raise OSError("broken pipe")
        if FAULT in (f"slow-{self.name}", f"stuck-{self.name}"):
            await asyncio.get_running_loop().create_future()

    async def _fail(self) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("a bug")


def build() -> App:
    health, background = Health("bus", DRAINING), Background()
    health.on_drain(lambda: tell(f"draining, ready={health.ready}"))
    parts = [Part(name, background) for name in ("postgres", "bus", "grpc")]
    return App(
        name="example",
        components=parts,
        health=health,
        background=background,
        shutdown_seconds=0.5 if FAULT.startswith("slow") else 20,
    )


if __name__ == "__main__":
    run(build)
