"""Runs one process: ordered start, supervision, and a drain in reverse order on SIGTERM.

Three ends: 0 after a drain, 70 when a background task fails (a lost fence, a gap, a bug: nothing is
stopped politely, because a process in doubt must not commit), 1 when start or drain fail.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

import structlog
import uvloop

from services.chassis import failpoint
from services.chassis.health import BEAT_SECONDS, DRAINING, Health

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
GC_THRESHOLDS: Final = (20_000, 50, 100)
EXIT_CRASH: Final = 70  # EX_SOFTWARE of sysexits.h

log = structlog.get_logger(__name__)


class Component(Protocol):
    """A part of the process. `start` returns when it serves, `stop` when it has let go."""

    name: str

    async def start(self) -> None:
        """Begin; raising ends the process."""

    async def stop(self) -> None:
        """Finish what was accepted, then release all; called once, also after a failed start."""


class Background:
    """Tasks that must not fail: the first one that raises ends the process with 70."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = asyncio.Event()
        self._error: BaseException | None = None

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run `work` until it returns or its task is cancelled."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def crash(self, error: BaseException) -> None:
        """End the process with 70; for callers that are not a task."""
        self._error = self._error or error
        self._failed.set()

    async def crashed(self) -> BaseException:
        """Wait for the first failure."""
        await self._failed.wait()
        assert self._error is not None
        return self._error

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            error.add_note(f"in background task {task.get_name()}")
            self.crash(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One process: its parts in start order, its health and its background tasks."""

    name: str
    components: Sequence[Component]
    health: Health
    background: Background
    shutdown_seconds: float


def run(build: Callable[[], App]) -> NoReturn:
    """Build the app inside a fresh uvloop, serve until a signal, and exit with its status."""
    failpoint.arm(os.environ)
    # What is imported stays, and a batch makes thousands of objects that live for milliseconds:
    # with the default thresholds the collector takes a third of the time of a batch (bench/engine).
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.exit(uvloop.run(serve(build)))


async def serve(build: Callable[[], App]) -> int:
    """As `run`, in the running loop; returns the exit status."""
    stop = _stop_signal()
    app = build()
    app.health.passing(DRAINING)
    app.background.spawn(_heartbeat(app.health), name="heartbeat")
    app.background.spawn(_crash_watch(app), name="crash watch")
    started: list[Component] = []
    starting = asyncio.ensure_future(_start(app, started))
    await asyncio.wait((starting, stop), return_when=asyncio.FIRST_COMPLETED)
    failed = starting.done() and starting.exception() is not None
    if not failed:
        await stop
    app.health.drain()
    stopping = asyncio.ensure_future(_stop_all(starting, started))
    if stopping not in (await asyncio.wait((stopping,), timeout=app.shutdown_seconds))[0]:
        log.error("drain_timed_out", service=app.name, seconds=app.shutdown_seconds)
        _end_now(EXIT_FAILED)
    log.info("stopped", service=app.name)
    return EXIT_OK if stopping.result() and not failed else EXIT_FAILED


async def _start(app: App, started: list[Component]) -> None:
    for component in app.components:
        started.append(component)
        try:
            await component.start()
        except Exception:
            log.exception("start_failed", component=component.name)
            raise
    log.info("started", service=app.name)


async def _stop_all(starting: asyncio.Future[None], started: list[Component]) -> bool:
    starting.cancel()
    await asyncio.wait((starting,))
    clean = True
    for component in reversed(started):
        try:
            await component.stop()
        except Exception:
            log.exception("stop_failed", component=component.name)
            clean = False
    return clean


async def _crash_watch(app: App) -> None:
    error = await app.background.crashed()
    log.critical("crashed", service=app.name, exc_info=error)
    _end_now(EXIT_CRASH)


def _stop_signal() -> asyncio.Future[int]:
    """Resolves on the first SIGTERM or SIGINT; the second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[int] = loop.create_future()

    def received(number: int) -> None:
        if stop.done():
            os._exit(128 + number)
        stop.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received, number)
    return stop


async def _heartbeat(health: Health) -> None:
    while True:
        health.beat()
        await asyncio.sleep(BEAT_SECONDS)


def _end_now(status: int) -> NoReturn:
    """Without a word to anybody: what is left may hang, or must not be trusted."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
