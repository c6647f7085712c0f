"""Reads mails in processes of their own, which a mail may take down with it.

Parsers of mail and html take time and memory out of all proportion for a few kilobytes of malice:
hundreds of levels, markup that is open everywhere. So each mail gets a worker for itself, with a
bound on what it computes and what it maps; beyond it the kernel ends the worker, the mail is a
`BadMail`, and the next one gets a fresh worker. Whatever comes back is data (`frames.py`).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from services.intake.shell.mail.frames import EXIT_MEMORY, BadFrame, Frame, mail_of, of_files
from services.intake.shell.mail.mail import BadMail, Mail, MailFile
from services.intake.shell.mail.parts import refuse_large
from services.intake.shell.mail.process import Died, Unresponsive, WorkerProcess
from services.intake.shell.mail.texts import storable

TRIES: Final = 2
MEBIBYTE: Final = 1024 * 1024

_ENDS: Final = {
    -signal.SIGPROF: "it takes too long to read",
    EXIT_MEMORY: "it takes too much memory",
}


class ReaderUnavailable(Exception):
    """No worker could be had, or too many mails wait for one. It says nothing about the mail."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a mail may cost.

    - `seconds`: of computing, and as many again as `seconds_per_mebibyte` gives its size.
    - `wall_seconds`: until an answer; only a process that does not run needs that long.
    - `memory_bytes`: of address space, for each worker. `kept_bytes`: a worker that has read a mail
      larger than that is replaced, so that it does not stay as large as that has made it.
    """

    seconds: float = 2.0
    seconds_per_mebibyte: float = 0.1
    wall_seconds: float = 30.0
    memory_bytes: int = 512 * MEBIBYTE
    kept_bytes: int = 4 * MEBIBYTE


LIMITS: Final = Limits()


def _speakable(file: MailFile) -> MailFile:
    """The file with texts that JSON holds."""
    return replace(
        file,
        file_name=storable(file.file_name),
        media_type=storable(file.media_type),
        content_id=storable(file.content_id),
    )


class MailReader:
    """A component. As many mails are read at a time as it has workers; some more may wait.

    Workers are started when they are first needed, and end with this process, whatever ends it.
    """

    name = "mail reader"

    def __init__(self, *, workers: int = 2, waiting_max: int = 32, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._all = [WorkerProcess(limits.memory_bytes) for _ in range(workers)]
        # The one that was used last is used next: the others need not even be started.
        self._idle: asyncio.LifoQueue[WorkerProcess] = asyncio.LifoQueue()
        for worker in self._all:
            self._idle.put_nowait(worker)
        self._waiting_max = waiting_max
        self._waiting = 0
        self._is_open = False

    async def start(self) -> None:
        """Take mails from now on."""
        self._is_open = True

    async def stop(self) -> None:
        """Take no more, answer those that were taken, and end the workers."""
        self._is_open = False
        for _ in self._all:
            await (await self._idle.get()).end()

    async def read(self, raw: bytes) -> Mail:
        """The mail of these bytes. Raises `BadMail`, `ReaderUnavailable`."""
        return await self._answered(Frame({"kind": "raw"}, [raw]), len(raw))

    async def compose(
        self, headers: Iterable[tuple[str, str]], text: str, html: str, files: Sequence[MailFile]
    ) -> Mail:
        """The mail of parts from a provider, as `composed`. Raises `BadMail`, `ReaderUnavailable`.

        Such html is no less a stranger's than a whole mail is.
        """
        head = {
            "kind": "parts",
            "headers": [(storable(name), storable(value)) for name, value in headers],
            "text": storable(text),
            "html": storable(html),
            "files": of_files(map(_speakable, files)),
        }
        contents = [file.content for file in files]
        return await self._answered(Frame(head, contents), sum(map(len, [text, html, *contents])))

    async def _answered(self, question: Frame, size: int) -> Mail:
        refuse_large(size)
        worker = await self._worker()
        try:
            return await self._asked(worker, question, size)
        finally:
            self._idle.put_nowait(worker)

    async def _worker(self) -> WorkerProcess:
        if not self._is_open:
            raise ReaderUnavailable("the reader is not open")
        if self._idle.empty() and self._waiting >= self._waiting_max:
            raise ReaderUnavailable(f"{self._waiting} mails wait to be read")
        self._waiting += 1
        try:
            return await self._idle.get()
        finally:
            self._waiting -= 1

    async def _asked(self, worker: WorkerProcess, question: Frame, size: int) -> Mail:
        """The answer. A worker may die of what is not the mail's fault, but not two of them."""
        seconds = self._limits.seconds + self._limits.seconds_per_mebibyte * size / MEBIBYTE
        bounded = Frame({**question.head, "seconds": seconds}, question.contents)
        try:
            for _ in range(TRIES):
                with suppress(Died):
                    return await self._told(worker, bounded)
            raise BadMail("its reader crashed")
        finally:
            if size > self._limits.kept_bytes:
                await worker.end()

    async def _told(self, worker: WorkerProcess, question: Frame) -> Mail:
        try:
            answer = await worker.ask(question, self._limits.wall_seconds)
        except Unresponsive:
            raise ReaderUnavailable("a worker does not answer") from None
        except Died as end:
            if end.status in _ENDS:
                raise BadMail(_ENDS[end.status]) from None
            raise
        if "bad" in answer.head:
            raise BadMail(str(answer.head["bad"]))
        try:
            return mail_of(answer)
        except BadFrame:
            raise BadMail("its reader gave no mail") from None
