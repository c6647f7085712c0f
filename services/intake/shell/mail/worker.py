"""Reads mails for the process that has started it, until that process closes the pipe.

It may be killed at any time and is when a mail takes too much: the kernel counts its memory and the
time that it computes. It can write no file, start no process, and knows no setting and no secret.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO, Final

from services.intake.shell.mail.frames import (
    EXIT_MEMORY,
    PREFIX,
    Frame,
    files_of,
    frame,
    lengths,
    of_mail,
)
from services.intake.shell.mail.mail import BadMail, Mail
from services.intake.shell.mail.reading import composed, read

READY: Final = {"ready": True}


def main(arguments: list[str]) -> None:
    """Serve; the one argument is the number of bytes that the process may map."""
    _confine(int(arguments[0]))
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    _write(answers, Frame(READY))
    while (question := _read(questions)) is not None:
        # Counts what is computed, not what passes: a machine that is busy makes no mail a bad one.
        signal.setitimer(signal.ITIMER_PROF, question.head["seconds"])
        try:
            answer = _answer(question)
        except MemoryError:
            os._exit(EXIT_MEMORY)  # whatever else it would do needs memory
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(answers, answer)


def _confine(memory_bytes: int) -> None:
    """Give up what reading needs not. A dump of its memory would be a copy of somebody's mail."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(what, (most, most))


def _answer(question: Frame) -> Frame:
    try:
        return of_mail(_mail(question))
    except BadMail as refusal:
        return Frame({"bad": str(refusal)})
    except MemoryError:
        raise
    except Exception as failure:  # noqa: BLE001  # it is the one mail's, and tells what it holds
        return Frame({"bad": f"its reader failed: {type(failure).__name__}"})


def _mail(question: Frame) -> Mail:
    said = question.head
    if said["kind"] == "raw":
        return read(question.contents[0])
    headers = [(name, value) for name, value in said["headers"]]
    return composed(headers, said["text"], said["html"], files_of(said["files"], question.contents))


def _read(questions: BinaryIO) -> Frame | None:
    prefix = questions.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    head, contents = lengths(prefix)
    return frame(questions.read(head), questions.read(contents))


def _write(answers: BinaryIO, answer: Frame) -> None:
    answers.writelines(answer.chunks())
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
