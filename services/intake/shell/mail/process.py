"""A worker as the process sees it that has started it: asked one thing at a time, and replaced."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.intake.shell.mail.frames import PREFIX, BadFrame, Frame, frame, lengths

START_SECONDS: Final = 30.0
END_SECONDS: Final = 1.0
BUFFER_BYTES: Final = 1024 * 1024


class Died(Exception):
    """The worker ended before it answered. `status` is negative for the signal that ended it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Unresponsive(Exception):
    """The worker neither answered nor ended, or could not be started."""


class WorkerProcess:
    """One worker: started when it is asked, started anew when it is asked after its end."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process, None while there is none."""
        return self._process.pid if self._process is not None else None

    async def ask(self, question: Frame, seconds: float) -> Frame:
        """The answer, after `seconds` at the most. Raises `Died`, `Unresponsive`.

        Whatever goes wrong, the worker is ended: an answer that comes late is nobody's.
        """
        try:
            process = await self._running()
            async with asyncio.timeout(seconds):
                return await _exchanged(process, question)
        except TimeoutError:
            await self.end()
            raise Unresponsive from None
        except (ConnectionError, asyncio.IncompleteReadError, BadFrame):
            raise Died(await self._ended()) from None
        except BaseException:  # cancelled, most likely
            await self.end()
            raise

    async def end(self) -> None:
        """End the process, if there is one; it has nothing that it could lose."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _ended(self) -> int:
        """The status with which it has ended, as it closed its pipe; killed if it has not."""
        process = self._process
        assert process is not None
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
        self._process = None
        return await process.wait()

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await self._started()
            await self._greeted(self._process)
        return self._process

    async def _started(self) -> Process:
        """A new process, with nothing of our environment in it: settings are secrets."""
        try:
            return await asyncio.create_subprocess_exec(
                *command(self._memory_bytes),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=BUFFER_BYTES,
                env={"PYTHONPATH": _import_path()},
                start_new_session=True,  # a Ctrl-C at the terminal is not its to hear
            )
        except OSError:
            raise Unresponsive from None

    async def _greeted(self, process: Process) -> None:
        """Wait until it has imported what it needs, at nobody's expense."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await _read(process)
        except (TimeoutError, asyncio.IncompleteReadError, BadFrame):
            raise Unresponsive from None


def command(memory_bytes: int) -> Sequence[str]:
    """What starts a worker that may map so many bytes."""
    return (sys.executable, "-P", "-m", "services.intake.shell.mail.worker", str(memory_bytes))


def _import_path() -> str:
    """Where this process finds its modules, which need not be where it runs."""
    return os.pathsep.join(str(Path(each).resolve()) for each in sys.path)


async def _exchanged(process: Process, question: Frame) -> Frame:
    assert process.stdin is not None
    for chunk in question.chunks():
        process.stdin.write(chunk)
    await process.stdin.drain()
    return await _read(process)


async def _read(process: Process) -> Frame:
    assert process.stdout is not None
    head, contents = lengths(await process.stdout.readexactly(PREFIX.size))
    return frame(await process.stdout.readexactly(head), await process.stdout.readexactly(contents))
