"""Files of customers: each is fetched until it is had or given up, and told of once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account
from services.intake.core.blobs import digest_of, reference_of
from services.intake.core.media import WantedMedia
from services.intake.core.model import Attachment
from services.intake.metrics import MediaMetrics
from services.intake.shell import media as module
from services.intake.shell.accounts import AccountBook
from services.intake.shell.consumers.wanting import MediaWanted
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable
from services.intake.shell.media import MediaFetcher
from services.intake.shell.media_queue import MediaQueue
from tests.support.memory_blobs import MemoryBlobs
from tests.support.waiting import until
from tests.unit.intake.doors import account
from tests.unit.intake.given import ACCOUNT, HOME, NOON_MS, TENANT

PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 40


def wanted(number: int = 0, *, account_id: str = ACCOUNT, **changes: Any) -> WantedMedia:
    """A file of a message."""
    fields: dict[str, Any] = {"file_name": "", "media_type": "image/jpeg", "size_bytes": 0}
    file = Attachment(
        attachment_id=f"m-{number}-0", reference=f"twilio:{number}", **fields | changes
    )
    return WantedMedia(TENANT, HOME, account_id, "c-1", f"m-{number}", file, NOON_MS)


@dataclass
class World:
    """A provider, accounts, a store and a bus, each of which can be away."""

    account: Account | None = field(default_factory=account)
    accounts_away: int = 0
    bus_away: int = 0
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    answers: Iterator[Callable[[], Fetched]] = field(
        default_factory=lambda: iter(lambda: lambda: Fetched(PICTURE), None)
    )
    hold: asyncio.Event | None = None
    now: int = NOON_MS
    asked: list[str] = field(default_factory=list)
    told: list[commands_pb2.IntakeInput] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    is_open: bool = False

    async def read(self, account_id: str) -> Account | None:
        if self.accounts_away:
            self.accounts_away -= 1
            raise StoreUnavailable("away")
        return self.account and replace(self.account, account_id=account_id)

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        assert self.is_open
        self.asked.append(f"{account.account_id}/{attachment.reference}")
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.hold is not None:
                await self.hold.wait()
            return next(self.answers)()
        finally:
            self.under_way -= 1

    async def publish(self, topic: str, key: str, message: Any) -> None:
        if self.bus_away:
            self.bus_away -= 1
            raise BusUnavailable("away")
        assert (topic, key) == ("intake.inputs.v1", HOME)
        self.told.append(message)

    async def start(self) -> None:
        self.is_open = True

    async def stop(self) -> None:
        self.is_open = False

    def now_ms(self) -> int:
        return self.now

    @asynccontextmanager
    async def fetcher(self) -> AsyncIterator[MediaFetcher]:
        """The component, running."""
        made = MediaFetcher(
            accounts=AccountBook(self),
            getter=self,
            sources={"twilio": self},
            blobs=self.blobs,
            bus=self,
            clock=self,
            metrics=MediaMetrics(Catalogue("intake")),
            background=Background(),
        )
        await made.start()
        try:
            yield made
        finally:
            await made.stop()

    async def told_of(self, *files: WantedMedia) -> list[commands_pb2.AttachmentStored]:
        """What is told once all files are settled."""
        async with self.fetcher() as fetcher:
            for file in files:
                fetcher.hear(MediaWanted(file))
            await until(lambda: len(self.told) >= len(files), what="word of each file")
        assert all(said.home_id == HOME and said.tenant_id == TENANT for said in self.told)
        return [said.attachment_stored for said in self.told]


def failing(*errors: Exception) -> Iterator[Callable[[], Fetched]]:
    """A provider that fails so, and then has the file."""

    def fail(error: Exception) -> Fetched:
        raise error

    for error in errors:
        yield partial(fail, error)
    while True:
        yield lambda: Fetched(PICTURE)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_FIRST_SECONDS", 0.001)
    monkeypatch.setattr(module, "REPORT_RETRY_SECONDS", 0.001)


async def test_a_file_is_fetched_kept_and_told() -> None:
    world = World(answers=iter([lambda: Fetched(PICTURE, "image/png", "label.png")]))
    (said,) = await world.told_of(wanted())
    digest = digest_of(PICTURE)
    assert (said.message_id, said.attachment_id) == ("m-0", "m-0-0")
    assert (said.reference, said.size_bytes) == (reference_of(digest), len(PICTURE))
    assert (said.media_type, said.file_name, said.error) == ("image/png", "label.png", "")
    assert world.blobs.held == {(TENANT, digest): PICTURE}
    assert world.told[0].actor == "service/intake.media"


@pytest.mark.parametrize(
    ("content", "claimed", "served", "kept"),
    [
        (b"Hello", "text/plain", "image/png", "text/plain"),
        (b"Hello", "", "text/csv; charset=utf-8", "text/csv"),
        (b"<html>", "image/png", "image/png", "text/html"),
        (b"Hello", "", "", "application/octet-stream"),
    ],
)
async def test_the_type_is_what_the_content_shows_then_the_messages_then_the_servers(
    content: bytes, claimed: str, served: str, kept: str
) -> None:
    world = World(answers=iter([lambda: Fetched(content, served)]))
    (said,) = await world.told_of(wanted(media_type=claimed))
    assert said.media_type == kept


@pytest.mark.parametrize(
    "world",
    [
        World(answers=failing(Unfetchable("http_500"), Unfetchable("timeout"))),
        World(answers=failing(Unfetchable("http_429", retry_after_ms=1))),
        World(answers=failing(RuntimeError("a bug in a source"))),
        World(blobs=MemoryBlobs(away=2)),
        World(accounts_away=2),
        World(bus_away=3),
    ],
    ids=["provider away", "limited", "bug", "store away", "accounts away", "kafka away"],
)
async def test_what_is_away_is_tried_again_and_told_once(world: World) -> None:
    (said,) = await world.told_of(wanted())
    assert said.reference == reference_of(digest_of(PICTURE))
    assert len(world.told) == 1


@pytest.mark.parametrize(
    ("world", "error"),
    [
        (World(answers=failing(Forbidden("too_large"))), "too_large"),
        (World(account=None), "account_unknown"),
        (World(account=account(tenant_id="other")), "account_unknown"),
        (World(account=account(provider="web")), "provider_keeps_no_files"),
    ],
)
async def test_what_can_never_be_had_is_told_at_once(world: World, error: str) -> None:
    (said,) = await world.told_of(wanted())
    assert (said.error, said.reference) == (error, "")
    assert len(world.asked) <= 1


@pytest.mark.parametrize(
    ("world", "error"),
    [
        (World(answers=failing(*[Unfetchable("http_500")] * 9)), "http_500"),
        (World(account=account(enabled=False)), "account_disabled"),
    ],
)
async def test_after_a_day_it_is_given_up(world: World, error: str) -> None:
    world.now = NOON_MS + module.GIVE_UP_MS
    (said,) = await world.told_of(wanted())
    assert (said.error, said.reference) == (error, "")


async def test_it_waits_for_as_long_as_the_provider_asks() -> None:
    world = World(answers=failing(Unfetchable("http_429", retry_after_ms=3_600_000)))
    async with world.fetcher() as fetcher:
        fetcher.hear(MediaWanted(wanted()))
        await until(lambda: world.asked and fetcher._queue.next_due_s(), what="the wait")
        due_s = fetcher._queue.next_due_s()
        assert due_s is not None
        assert 3590 < due_s - fetcher._monotonic() <= 3600
    assert world.told == []


async def test_a_file_that_is_wanted_twice_is_fetched_once() -> None:
    world = World(hold=asyncio.Event())
    async with world.fetcher() as fetcher:
        fetcher.hear(MediaWanted(wanted()))
        await until(lambda: world.asked, what="the call")
        fetcher.adopt([wanted(), wanted(1)])  # the shard came back to us
        assert world.hold is not None
        world.hold.set()
        await until(lambda: len(world.told) == 2, what="word of both")
    assert sorted(world.asked) == [f"{ACCOUNT}/twilio:0", f"{ACCOUNT}/twilio:1"]


async def test_what_a_process_leaves_is_told_by_nobody_and_may_be_taken_up() -> None:
    world = World(hold=asyncio.Event())
    async with world.fetcher() as fetcher:
        fetcher.hear(MediaWanted(wanted()))
        await until(lambda: world.asked, what="the call")
    assert (world.told, world.under_way, world.is_open) == ([], 0, False)
    world.hold = None
    assert [said.message_id for said in await world.told_of(wanted())] == ["m-0"]


async def test_one_account_with_a_slow_provider_holds_up_no_other() -> None:
    world = World(hold=asyncio.Event())
    slow = [wanted(number, account_id="slow") for number in range(50)]
    async with world.fetcher() as fetcher:
        fetcher.adopt([*slow, wanted(99, account_id="other")])
        await until(lambda: "other/twilio:99" in world.asked, what="the other account's file")
        assert len(world.asked) == module.PER_ACCOUNT_MAX + 1
        assert world.hold is not None
        world.hold.set()
        await until(lambda: len(world.told) == 51, what="all files")
    assert world.most_under_way <= module.AT_ONCE_MAX


def test_errands_are_run_by_when_they_are_due_and_in_turn() -> None:
    queue = MediaQueue(at_once=9, per_account=9)
    queue.add([wanted(1, account_id="a"), wanted(2, account_id="a")], 10.0)
    queue.add([wanted(3, account_id="b"), wanted(3, account_id="b")], 10.0)
    assert queue.take(9.9) is None
    assert queue.next_due_s() == 10.0
    taken = [queue.take(10.0) for _ in range(4)]
    assert [each and each.wanted.message_id for each in taken] == ["m-1", "m-3", "m-2", None]
    first, second = taken[0], taken[1]
    assert first is not None
    assert second is not None
    queue.again(first, 15.0)
    queue.done(second)
    assert (len(queue), queue.next_due_s()) == (2, 15.0)
    again = queue.take(15.0)
    assert again is not None
    assert (again.wanted, again.attempts) == (first.wanted, 1)
    queue.add([second.wanted], 20.0)  # it may be wanted anew
    assert len(queue) == 3


@pytest.mark.parametrize(("at_once", "per_account", "running"), [(2, 9, 2), (9, 1, 2), (9, 9, 4)])
def test_so_many_errands_are_run_at_a_time(at_once: int, per_account: int, running: int) -> None:
    queue = MediaQueue(at_once=at_once, per_account=per_account)
    queue.add([wanted(number, account_id="ab"[number % 2]) for number in range(4)], 0.0)
    taken = list(iter(lambda: queue.take(0.0), None))
    assert len(taken) == running
    queue.done(taken[0])
    assert (queue.take(0.0) is not None) == (running < 4)
