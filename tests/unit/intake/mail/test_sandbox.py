"""Mails that take too much take their worker with them, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from services.intake.shell.mail import process
from services.intake.shell.mail.frames import (
    PREFIX,
    BadFrame,
    Frame,
    frame,
    lengths,
    mail_of,
    of_mail,
)
from services.intake.shell.mail.mail import BadMail, Mail, MailFile
from services.intake.shell.mail.parts import MAIL_BYTES_MAX
from services.intake.shell.mail.reading import composed, read
from services.intake.shell.mail.sandbox import (
    MEBIBYTE,
    TRIES,
    Limits,
    MailReader,
    ReaderUnavailable,
)
from tests.support.waiting import until, until_now
from tests.unit.intake.mail.mails import attached, mail, plain, several

RAW = several(
    "mixed", plain("Hello"), attached(b"%PDF", 'Content-Disposition: x; filename="a.pdf"')
)
# Open elements cost a parser of html the square of their number.
SLOW = mail("<div>" * 12_000 + "slow", "Content-Type: text/html")
ENDLESS = mail("<div>" * 300_000, "Content-Type: text/html")
LARGE = several("mixed", plain("Hello"), attached(bytes(24 * MEBIBYTE)))


@asynccontextmanager
async def reading(
    *, workers: int = 1, waiting_max: int = 32, **limits: float
) -> AsyncIterator[MailReader]:
    reader = MailReader(
        workers=workers,
        waiting_max=waiting_max,
        limits=Limits(**limits),  # type: ignore[arg-type]  # ints are floats
    )
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


def pids(reader: MailReader) -> list[int]:
    return [worker.pid for worker in reader._all if worker.pid is not None]


def proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return proc(pid, "stat").rpartition(")")[2].split()[0] != "Z"


async def test_a_worker_reads_as_we_do() -> None:
    async with reading() as reader:
        assert await reader.read(RAW) == read(RAW)
        assert await reader.read(SLOW) == read(SLOW)
        (pid,) = pids(reader)
        parts = (
            [("From", "j@x\ud800\0")],
            "\ud800text",
            "<p>x</p>",
            [MailFile("\ud800", "a/b", b"c")],
        )
        assert await reader.compose(*parts) == composed(*parts)
        assert pids(reader) == [pid]
    assert not is_alive(pid)


async def test_a_mail_that_takes_too_long_is_bad_and_the_next_one_is_read() -> None:
    async with reading(seconds=0.3) as reader:
        for _ in range(2):
            with pytest.raises(BadMail, match="too long"):
                await reader.read(ENDLESS)
            assert (await reader.read(RAW)).text == "Hello"
        with pytest.raises(BadMail, match="too long"):
            await reader.compose([], "", "<div>" * 300_000, [])


async def test_a_mail_that_takes_too_much_memory_is_bad_and_the_next_one_is_read() -> None:
    async with reading(memory_bytes=96 * MEBIBYTE) as reader:
        with pytest.raises(BadMail, match="memory"):
            await reader.read(LARGE)
        assert (await reader.read(RAW)).text == "Hello"


async def test_what_is_no_mail_is_told_from_what_ends_a_worker() -> None:
    async with reading() as reader:
        assert (await reader.read(b"")).text == ""
        (pid,) = pids(reader)
        with pytest.raises(BadMail, match="header fields"):
            await reader.read(b"A: b\r\n" * 5000)
        with pytest.raises(BadMail, match="larger"):
            await reader.read(bytes(MAIL_BYTES_MAX + 1))
        assert pids(reader) == [pid]


async def test_a_worker_that_a_large_mail_has_made_large_is_replaced() -> None:
    async with reading() as reader:
        await reader.read(RAW)
        (pid,) = pids(reader)
        assert len((await reader.read(LARGE)).files[0].content) == 24 * MEBIBYTE
        assert pids(reader) == []
        assert not is_alive(pid)
        assert (await reader.read(RAW)).text == "Hello"


async def test_a_worker_that_dies_of_something_else_costs_no_mail() -> None:
    async with reading(seconds=60) as reader:
        await reader.read(RAW)
        for _ in range(3):  # while it waits
            os.kill(pids(reader)[0], signal.SIGKILL)
            assert (await reader.read(RAW)).text == "Hello"
        (pid,) = pids(reader)
        asked = await asked_for(reader, SLOW)
        os.kill(pid, signal.SIGKILL)
        assert (await asked).text == "slow"
        assert pids(reader) != [pid]


def computed(pid: int) -> int:
    """The hundredths of a second that a process has computed (proc(5), utime)."""
    return int(proc(pid, "stat").rpartition(")")[2].split()[11])


async def asked_for(reader: MailReader, raw: bytes) -> asyncio.Task[Mail]:
    """A question that the only worker is working at."""
    (pid,) = pids(reader)
    before = computed(pid)
    asked = asyncio.create_task(reader.read(raw))
    await until(lambda: computed(pid) > before + 3, what="the worker reads")
    return asked


async def test_whoever_asks_no_longer_leaves_no_answer_behind() -> None:
    async with reading() as reader:
        await reader.read(RAW)
        (pid,) = pids(reader)
        asked = await asked_for(reader, SLOW)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await reader.read(RAW)).text == "Hello"
        assert not is_alive(pid)


async def test_many_mails_are_read_by_few_workers_each_with_its_own_answer() -> None:
    async with reading(workers=2, waiting_max=50) as reader:
        raws = [mail(f"Hello {number}") for number in range(50)]
        found = await asyncio.gather(*map(reader.read, raws))
        assert [each.text for each in found] == [f"Hello {number}" for number in range(50)]
        assert len(pids(reader)) == 2


async def test_one_mail_after_the_other_needs_one_worker() -> None:
    async with reading(workers=2) as reader:
        for _ in range(5):
            await reader.read(RAW)
        assert len(pids(reader)) == 1


async def test_no_more_wait_than_may() -> None:
    async with reading(workers=1, waiting_max=1) as reader:
        asked = [asyncio.create_task(reader.read(SLOW)) for _ in range(2)]
        await until(lambda: reader._waiting == 1, what="one is read and one waits")
        with pytest.raises(ReaderUnavailable, match="wait"):
            await reader.read(RAW)
        assert [each.text for each in await asyncio.gather(*asked)] == ["slow", "slow"]


async def test_what_was_taken_is_answered_before_it_stops() -> None:
    async with reading() as reader:
        asked = asyncio.create_task(reader.read(SLOW))
        await until(lambda: pids(reader), what="it is being read")
    assert (await asked).text == "slow"
    with pytest.raises(ReaderUnavailable, match="not open"):
        await reader.read(RAW)


async def test_who_never_answers_says_nothing_about_the_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand_in(monkeypatch, "deaf")
    async with reading(wall_seconds=0.2) as reader:
        with pytest.raises(ReaderUnavailable, match="does not answer"):
            await reader.read(RAW)
        assert pids(reader) == []


async def test_who_dies_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    stand_in(monkeypatch, str(asked))
    async with reading() as reader:
        with pytest.raises(BadMail, match="crashed"):
            await reader.read(RAW)
    assert asked.read_text().count("asked") == TRIES


async def test_who_answers_rubbish_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "END_SECONDS", 0.01)
    stand_in(monkeypatch, "lies")
    async with reading() as reader:
        with pytest.raises(BadMail, match="crashed"):
            await reader.read(RAW)


@pytest.mark.parametrize("program", ["/nowhere/python", sys.executable])
async def test_a_worker_that_does_not_start_is_no_fault_of_the_mail(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(process, "command", lambda _: (program, "-c", "raise SystemExit(1)"))
    async with reading() as reader:
        with pytest.raises(ReaderUnavailable):
            await reader.read(RAW)


def stand_in(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    module = "tests.unit.intake.mail.deaf_worker"
    monkeypatch.setattr(process, "command", lambda _: (sys.executable, "-P", "-m", module, kind))


async def test_a_worker_knows_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_ACCOUNT_KEY", "secret")
    async with reading() as reader:
        await reader.read(RAW)
        (pid,) = pids(reader)
        known = proc(pid, "environ")
        assert "SWITCHBOARD" not in known
        assert "PYTHONPATH" in known
        limits = proc(pid, "limits")
        assert f"Max address space         {512 * MEBIBYTE}" in limits
        assert "Max core file size        0" in limits


def test_workers_end_with_the_process_that_started_them() -> None:
    program = (
        "import asyncio\n"
        "from services.intake.shell.mail.sandbox import MailReader\n"
        "async def main():\n"
        "    reader = MailReader()\n"
        "    await reader.start()\n"
        "    await reader.read(b'')\n"
        "    print(reader._all[-1].pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    until_now(lambda: not is_alive(pid), what="the worker has ended")


def test_the_loop_of_the_services_will_do() -> None:
    async def asked() -> None:
        async with reading(seconds=0.3) as reader:
            assert (await reader.read(RAW)).text == "Hello"
            os.kill(pids(reader)[0], signal.SIGKILL)
            assert (await reader.read(RAW)).text == "Hello"
            with pytest.raises(BadMail, match="too long"):
                await reader.read(ENDLESS)
            assert (await reader.read(RAW)).text == "Hello"

    uvloop.run(asked())


def test_a_mail_crosses_the_pipe_unchanged() -> None:
    sent = read(RAW)
    chunks = b"".join(of_mail(sent).chunks())
    head, contents = lengths(chunks[: PREFIX.size])
    body = chunks[PREFIX.size :]
    assert len(body) == head + contents
    assert mail_of(frame(body[:head], body[head:])) == sent


@pytest.mark.parametrize(
    ("head", "contents"),
    [
        (b"", b""),
        (b"[]", b""),
        (b"{}", b""),
        (b'{"sizes":[1]}', b""),
        (b'{"sizes":["a"]}', b""),
        (b'{"sizes":1}', b""),
        (b'{"sizes":[-1,1]}', b""),
    ],
)
def test_what_is_no_frame_is_refused(head: bytes, contents: bytes) -> None:
    with pytest.raises(BadFrame):
        frame(head, contents)


@pytest.mark.parametrize(
    "head", [{}, {"automatic": "x"}, {"automatic": "", "to": None}, Frame({}).head | {"a": 1}]
)
def test_what_is_no_mail_is_refused(head: dict[str, object]) -> None:
    with pytest.raises(BadFrame):
        mail_of(Frame(head))
    valid = of_mail(Mail("a@x")).head
    with pytest.raises(BadFrame):
        mail_of(Frame(valid | {"surplus": 1}))
    with pytest.raises(BadFrame):
        mail_of(Frame(valid | {"files": [{"file_name": "a"}]}))
    with pytest.raises(BadFrame):
        lengths(PREFIX.pack(0, 2**31))
