"""What a widget says and is shown: every line once, in order, and an answer to every frame."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from switchboard.intake.v1 import model_pb2

from services.intake.core.delivery.commands import Answer, Sighting
from services.intake.core.identity import home_id
from services.intake.core.model import Attachment, Channel, Kind
from services.intake.shell.channels.protocol import Malformed, SendingContext
from services.intake.shell.channels.web_chat import ChatSender, client_id_of, heard
from services.intake.shell.chat import frames, telling
from services.intake.shell.chat.hub import Ear
from services.intake.shell.chat.limits import Buckets
from services.intake.shell.chat.listening import Listener
from services.intake.shell.chat.sessions import DAY_MS, Person, Session, begun
from services.intake.shell.chat.standing import Close, Ended, Standing
from services.intake.shell.chat.telling import Teller
from tests.unit.intake.chat import ID, VISITOR, World, chat_account, line, said
from tests.unit.intake.given import NOON_MS, TENANT, dispatch

HELLO = frames.Said("id-0001", "Hello")


def listener(world: World, session: Session | None = None) -> Listener:
    return Listener(world.standing(session), "de-AT")


async def answered(to: Listener, frame: frames.Frame) -> list[Any]:
    return [said(each) for each in await to.answer(frame)]


async def test_a_message_is_accepted_once_it_is_published() -> None:
    world = World()
    (accepted,) = await answered(listener(world), HELLO)
    (published,) = world.published
    message = published.inbound_message
    assert accepted == {"type": "accepted", "id": "id-0001", "message_id": message.message_id}
    assert published.home_id == home_id(TENANT, "CHAT", VISITOR)
    assert (message.from_address, message.text, message.language) == (VISITOR, "Hello", "de-AT")
    assert message.channel == model_pb2.CHANNEL_CHAT
    assert client_id_of(message.provider_message_id) == "id-0001"
    assert not message.also_known_as


async def test_a_named_visitor_brings_their_addresses() -> None:
    world = World()
    person = Person("c-1", "ada@example.org", email_verified=True, name="Ada")
    named = begun(ID, VISITOR, now_ms=NOON_MS, person=person)
    await answered(listener(world, named), HELLO)
    message = world.published[0].inbound_message
    assert message.from_name == "Ada"
    known = [(each.channel, each.address, each.verified) for each in message.also_known_as]
    assert known == [
        (model_pb2.CHANNEL_API, "c-1", True),
        (model_pb2.CHANNEL_EMAIL, "ada@example.org", True),
    ]


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), ("x" * (frames.TEXT_CHARACTERS_MAX + 1), "too_long")]
)
async def test_what_can_never_be_taken_is_said_for_good(text: str, code: str) -> None:
    world = World()
    (error,) = await answered(listener(world), frames.Said("id-0001", text))
    assert error == {"type": "error", "code": code, "id": "id-0001"}
    assert world.published == []


@pytest.mark.parametrize("world", [World(bus_away=True), World(requests_open_max=0)])
async def test_what_cannot_be_taken_now_is_said_with_a_time_to_come_back(world: World) -> None:
    (error,) = await answered(listener(world), HELLO)
    assert (error["code"], error["id"]) == ("not_now", "id-0001")
    assert error["retry_after_ms"] > 0


async def test_who_hurries_is_told_how_long_to_wait() -> None:
    world = World()
    hurrying = listener(world)
    answers = [(await answered(hurrying, HELLO))[0] for _ in range(4)]
    assert [each["type"] for each in answers] == ["accepted"] * 3 + ["error"]
    assert answers[-1] == {
        "type": "error",
        "code": "too_fast",
        "id": "id-0001",
        "retry_after_ms": 1000,
    }
    world.time_ms += 1000
    assert (await answered(hurrying, HELLO))[0]["type"] == "accepted"


async def test_a_flood_ends_the_connection() -> None:
    flooding = listener(World())
    for _ in range(50):
        await flooding.answer(frames.Progressed(0, seen=True))
    with pytest.raises(Ended) as ended:
        await flooding.answer(frames.Progressed(0, seen=True))
    assert ended.value.code is Close.TOO_FAST


async def test_an_account_in_a_hurry_is_busy() -> None:
    world = World()
    standing = world.standing()
    busy = standing.parts.limits.of_account
    while not busy.wait_ms(ID):
        pass
    (error,) = await answered(Listener(standing, ""), HELLO)
    assert (error["code"], error["retry_after_ms"]) == ("too_busy", 1000)


async def test_a_receipt_is_published_for_what_has_not_come_so_far() -> None:
    world = World()
    for kind in (Kind.INBOUND, Kind.REPLY, Kind.SURVEY, Kind.REPLY):
        world.lines.add(kind)
    reading = listener(world)
    assert await answered(reading, frames.Progressed(3, seen=True)) == []
    receipts = [each.delivery_receipt for each in world.published]
    assert [each.message_id for each in receipts] == ["m-2", "m-3"]
    assert {each.status for each in receipts} == {model_pb2.DELIVERY_STATUS_READ}
    await answered(reading, frames.Progressed(3, seen=True))
    await answered(reading, frames.Progressed(2, seen=True))
    assert len(world.published) == 2
    await answered(reading, frames.Progressed(4, seen=False))
    assert world.published[-1].delivery_receipt.status == model_pb2.DELIVERY_STATUS_DELIVERED


async def test_a_receipt_that_could_not_be_taken_is_taken_when_it_comes_again() -> None:
    world = World()
    world.lines.add()
    reading = listener(world)
    world.lines.away = True
    assert (await answered(reading, frames.Progressed(1, seen=True)))[0]["code"] == "not_now"
    world.lines.away = False
    assert await answered(reading, frames.Progressed(1, seen=True)) == []
    assert len(world.published) == 1


async def test_earlier_lines_come_by_the_page() -> None:
    world = World()
    for _ in range(60):
        world.lines.add()
    reading = listener(world)
    *shown, end = await answered(reading, frames.Earlier(56))
    assert [each["cursor"] for each in shown] == list(range(6, 56))
    assert end == {"type": "earlier", "more": True}
    *shown, end = await answered(reading, frames.Earlier(6))
    assert [each["cursor"] for each in shown] == [1, 2, 3, 4, 5]
    assert end == {"type": "earlier", "more": False}
    assert (await answered(reading, frames.Earlier(1)))[0]["code"] == "too_fast"


@pytest.mark.parametrize("account", [None, chat_account(enabled=False)])
async def test_an_account_that_is_gone_ends_the_connection(account: Any) -> None:
    world = World(account=account)
    with pytest.raises(Ended) as ended:
        await listener(world).answer(HELLO)
    assert ended.value.code is Close.NO_ACCOUNT


async def test_an_account_that_cannot_be_read_is_as_it_was() -> None:
    world = World(accounts_away=True)
    assert (await answered(listener(world), HELLO))[0]["type"] == "accepted"


@pytest.mark.parametrize(
    ("days", "person", "code"),
    [
        (14, None, None),
        (15, None, Close.RESTART),  # to get a token that lasts longer
        (30, None, Close.SIGNED_OUT),
        (0.9, Person("c-1"), None),
        (1, Person("c-1"), Close.SIGNED_OUT),
    ],
)
async def test_a_session_ends_in_time(days: float, person: Any, code: Close | None) -> None:
    world = World()
    standing = world.standing(begun(ID, VISITOR, now_ms=NOON_MS, person=person))
    world.time_ms += int(days * DAY_MS)
    assert await _end_of(standing) is code


async def test_a_process_that_drains_ends_all() -> None:
    standing = World().standing()
    standing.parts.hub.drain()
    assert await _end_of(standing) is Close.RESTART


async def _end_of(standing: Standing) -> Close | None:
    try:
        await standing.check()
    except Ended as ended:
        return ended.code
    return None


async def test_a_fresh_widget_gets_the_last_page_and_one_that_knows_lines_what_is_behind() -> None:
    world = World()
    for _ in range(120):
        world.lines.add()
    assert await _shown(world, None, 50) == list(range(71, 121))
    assert await _shown(world, 5, 115) == list(range(6, 121))


async def _shown(world: World, after: int | None, count: int) -> list[int]:
    teller, found = Teller(world.standing(), Ear()), []
    async for frame in teller.frames(after):
        found.append(said(frame)["cursor"])
        if len(found) == count:
            return found
    raise AssertionError("there is always more to tell")


@given(st.lists(st.sampled_from(["said", "said unheard", "rung for nothing", "cut", "away"])))
def test_however_events_reads_and_cuts_overlap_every_line_is_shown_once(steps: list[str]) -> None:
    asyncio.run(_played(steps))


async def _played(steps: list[str]) -> None:
    world, shown = World(), [0]
    ear, task = _connected(world, shown)
    for step in steps:
        if step.startswith("said"):
            world.lines.add()
        if step in {"said", "rung for nothing"}:
            ear.ring()
        if step == "cut":
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            ear, task = _connected(world, shown)
        await asyncio.sleep(0)
    ear.ring()  # as when the tail is read again: it rings for all
    for _ in range(100 * (len(steps) + 1)):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert shown[1:] == [each.number for each in world.lines.lines]


def _connected(world: World, shown: list[int]) -> tuple[Ear, asyncio.Task[None]]:
    ear = Ear()

    async def listen() -> None:
        async for frame in Teller(world.standing(), ear).frames(shown[-1]):
            shown[len(shown) :] = [said(frame)["cursor"]]  # one by one: it may be cut in between

    return ear, asyncio.ensure_future(listen())


async def test_postgres_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "STORE_RETRY_SECONDS", 0)
    world = World()
    world.lines.add()
    world.lines.away = True
    reading = asyncio.ensure_future(_shown(world, 0, 1))
    for _ in range(10):
        await asyncio.sleep(0)
    world.lines.away = False
    assert await reading == [1]


async def test_a_widget_hears_that_we_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "ALIVE_SECONDS", 0.01)
    async for frame in Teller(World().standing(), Ear()).frames(0):
        assert said(frame) == {"type": "alive", "now_ms": NOON_MS}
        return


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_breaks_the_parser(text: str) -> None:
    with pytest.raises(Malformed):  # as no text is a frame by chance
        frames.parse(text.encode("utf-8", "replace").decode())


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"hello","token":"t"}', frames.Hello("t", None, "")),
        (
            '{"type":"hello","token":"t","after":7,"language":"de-AT","new":[]}',
            frames.Hello("t", 7, "de-AT"),
        ),
        ('{"type":"hello","token":"t","language":"<b>"}', frames.Hello("t", None, "")),
        ('{"type":"message","id":"id-00001","text":" a\\u0000 "}', frames.Said("id-00001", "a")),
        ('{"type":"received","cursor":1}', frames.Progressed(1, seen=False)),
        ('{"type":"seen","cursor":1}', frames.Progressed(1, seen=True)),
        ('{"type":"earlier","before":1}', frames.Earlier(1)),
    ],
)
def test_what_a_widget_says_is_read(text: str, frame: frames.Frame) -> None:
    assert frames.parse(text) == frame


def test_a_line_says_who_speaks() -> None:
    speakers = {kind: said(frames.message(line(1, kind=kind), []))["from"] for kind in Kind}
    assert speakers[Kind.INBOUND] == "visitor"
    assert speakers[Kind.REPLY] == "agent"
    assert {speakers[each] for each in (Kind.SURVEY, Kind.AUTO_REPLY, Kind.NOTICE)} == {"system"}


async def test_a_file_of_ours_has_an_address_for_a_while() -> None:
    world = World()
    ours = Attachment("a-1", "offer.pdf", "application/pdf", 7, f"blob:{'ab' * 32}")
    theirs = Attachment("a-2", "photo.jpg", "image/jpeg", 7, "elsewhere")
    world.lines.lines.append(replace(line(1), attachments=(ours, theirs)))
    standing = world.standing()
    async for frame in Teller(standing, Ear()).frames(0):
        shown, other = said(frame)["attachments"]
        assert (shown["name"], other["name"]) == ("offer.pdf", "photo.jpg")
        assert "url" not in other
        token = shown["url"].removeprefix("https://desk.example/attachments/")
        file = standing.parts.links.read(token, NOON_MS + DAY_MS)
        assert file is not None
        assert (file.digest, file.tenant_id) == ("ab" * 32, TENANT)
        return


def test_a_bucket_fills_again_and_remembers_no_more_than_it_may() -> None:
    now_s = 0.0
    buckets = Buckets(burst=2, per_second=0.5, kept_max=2, monotonic=lambda: now_s)
    assert [buckets.wait_ms("a") for _ in range(3)] == [0, 0, 2000]
    now_s = 1.0
    assert buckets.wait_ms("a") == 1000
    now_s = 2.0
    assert buckets.wait_ms("a") == 0
    assert [buckets.wait_ms(key) for key in "bcdbcd"] == [0] * 6
    assert len(buckets._buckets) == 2
    now_s = 1000.0
    assert [buckets.wait_ms("a") for _ in range(3)] == [0, 0, 2000]


async def test_what_is_asked_for_is_delivered_already() -> None:
    context: Any = SendingContext
    sender, asked = ChatSender(context), dispatch()
    sent = await sender.send(asked, chat_account())
    assert (sent.answer, sent.provider_message_id) == (Answer.ACCEPTED, asked.message_id)
    found = await sender.look_up(asked, chat_account(), known_ids=frozenset())
    assert (found.sighting, found.provider_message_id) == (Sighting.FOUND, asked.message_id)


def test_a_visitors_ids_are_their_own() -> None:
    def named(visitor_id: str, client_id: str) -> str:
        arrived = heard(
            chat_account(), visitor_id, client_id=client_id, text="Hello", now_ms=NOON_MS
        )
        assert arrived.message.channel is Channel.CHAT
        return arrived.message.message_id

    assert named("v-1", "id-0001") == named("v-1", "id-0001")
    assert len({named(v, i) for v in ("v-1", "v-2") for i in ("id-0001", "id-0002")}) == 4
