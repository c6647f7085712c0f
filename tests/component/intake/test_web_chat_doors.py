"""The doors of web chat through a running process: whom they keep out, and when they close."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from pydantic import SecretStr

from services.intake.settings import key_bytes
from services.intake.shell.chat.frames import FRAME_BYTES_MAX, TEXT_CHARACTERS_MAX
from services.intake.shell.chat.hub import PER_VISITOR_MAX
from services.intake.shell.chat.sessions import Person, Session, SessionTokens
from services.intake.shell.chat.sockets import STALLED_SECONDS
from tests.component.intake.house import Visit
from tests.component.intake.test_deliveries import reply
from tests.component.intake.visitors import (
    SITE,
    Socket,
    Visitor,
    chat_account,
    conversation_of,
    proof,
)
from tests.support import stack
from tests.support.waiting import until

ID = "doors-chat"
WIDGET_BYTES_MAX = 13_000  # compressed


@pytest.fixture
async def visitor(visit: Visit) -> Visitor:
    """Somebody new on a page of the site."""
    await visit.open_account(chat_account(ID, example_page="true"))
    return Visitor(visit, ID)


def now_s() -> int:
    return int(time.time())


async def past(at_s: float) -> None:
    await until(lambda: time.monotonic() >= at_s, what="the time to go on")


def token_of(visit: Visit, session: Session) -> str:
    """A token as the process itself makes it."""
    key = visit.house.intake.environment["SWITCHBOARD_ACCOUNT_KEY"]
    return SessionTokens([key_bytes(SecretStr(key))]).seal(session)


@asynccontextmanager
async def speaking(visitor: Visitor) -> AsyncIterator[Socket]:
    """A connection on which nothing was said yet."""
    async with visitor.connected() as ws:
        yield Socket(ws)


@pytest.mark.parametrize(
    ("origin", "status"),
    [(SITE, 201), ("https://evil.example", 403), ("", 403), ("null", 403), (f"{SITE}.evil", 403)],
)
async def test_only_pages_of_the_site_get_in(visitor: Visitor, origin: str, status: int) -> None:
    assert await visitor.enter() == 201
    other = replace(visitor, origin=origin)
    assert await other.enter() == status
    if status == 201:
        async with other.talking():
            return
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with other.connected():
            pass
    assert refused.value.status == 403


async def test_an_unknown_account_is_not_there(visit: Visit, visitor: Visitor) -> None:
    nobody = Visitor(visit, "no-such-chat")
    assert await nobody.enter() == 404
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with nobody.connected():
            pass
    assert refused.value.status == 404


async def test_a_browser_may_ask_first(visitor: Visitor) -> None:
    url = f"{visitor.visit.house.http_url}/chat/{ID}/sessions"
    ask = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    async with visitor.visit.session.options(url, headers=ask) as answer:
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == SITE
        assert answer.headers["access-control-allow-headers"] == "content-type"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("identity", "status"),
    [
        ({"sub": "c-1", "exp": 600}, 201),
        ({"email": "ada@example.org", "exp": 600}, 201),
        ({"sub": "c-1", "exp": 600, "key": "another key of thirty-two letters!"}, 401),
        ({"sub": "c-1", "exp": -1}, 401),
        ({"sub": "c-1"}, 401),
        ({"sub": "c-1", "exp": 2 * 86_400}, 400),
        ({"email": "ada@example.org", "email_verified": False, "exp": 600}, 400),
        ({"email": "not a mailbox", "exp": 600}, 400),
        ({"exp": 600}, 400),
    ],
)
async def test_a_site_says_who_a_visitor_is(
    visitor: Visitor, identity: dict[str, Any], status: int
) -> None:
    key = {"key": identity["key"]} if "key" in identity else {}
    claims = {name: value for name, value in identity.items() if name != "key"}
    if "exp" in claims:
        claims["exp"] += now_s()
    assert await visitor.enter(identity=proof(**key, **claims)) == status


async def test_a_session_ends_when_its_token_does(visit: Visit, visitor: Visitor) -> None:
    soon_ms = now_s() * 1000 + 2000
    person = Person(external_id="c-1")
    visitor.token = token_of(visit, Session(ID, f"v-{uuid4()}", soon_ms, person))
    async with visitor.talking() as socket:
        assert await socket.ended() == 4401
    async with speaking(visitor) as socket:
        await socket.say(type="hello", token=visitor.token)
        assert await socket.ended() == 4401


async def test_a_token_that_grows_old_is_replaced(visit: Visit, visitor: Visitor) -> None:
    aged = Session(ID, f"v-{uuid4()}", (now_s() + 86_400) * 1000)
    async with speaking(visitor) as socket:
        await socket.say(type="hello", token=token_of(visit, aged))
        visitor.token = (await socket.hear("welcome"))["token"]
        await socket.write("Still me")
    async with visitor.talking() as socket:
        assert "token" not in socket.seen[0]
        await socket.hear_text("Still me")


@pytest.mark.parametrize("token", ["", "nonsense", "ää", "A" * 120])
async def test_a_token_that_opens_nothing_is_refused(visitor: Visitor, token: str) -> None:
    async with speaking(visitor) as socket:
        await socket.say(type="hello", token=token)
        assert await socket.ended() == 4401


async def test_a_token_opens_its_own_account_only(visit: Visit, visitor: Visitor) -> None:
    await visit.open_account(chat_account("other-chat"))
    assert await visitor.enter() == 201
    async with speaking(replace(visitor, account_id="other-chat")) as socket:
        await socket.say(type="hello", token=visitor.token)
        assert await socket.ended() == 4401


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("not JSON", 4400),
        ("[]", 4400),
        ('{"type": "shutdown"}', 4400),
        ('{"type": "message", "id": "x", "text": "id too short"}', 4400),
        ('{"type": "message", "id": "long-enough", "text": 7}', 4400),
        ('{"type": "message", "id": "long-enough", "text": "\\ud800"}', 4400),
        ('{"type": "seen", "cursor": -1}', 4400),
        ('{"type": "seen", "cursor": true}', 4400),
        ('{"type": "hello", "token": "again"}', 4400),
        ("[" * 2000, 4400),
        (b"bytes", 1003),
        ('{"type": "message", "text": "' + "x" * FRAME_BYTES_MAX + '"}', 1009),
    ],
)
async def test_a_frame_that_is_none_ends_it(visitor: Visitor, raw: str | bytes, code: int) -> None:
    async with visitor.talking() as socket:
        if isinstance(raw, bytes):
            await socket.ws.send_bytes(raw)
        else:
            await socket.ws.send_str(raw)
        assert await socket.ended() == code
    async with visitor.talking() as again:
        await again.write("Everything else goes on")


async def test_who_says_nothing_is_not_waited_for(visitor: Visitor) -> None:
    async with speaking(visitor) as socket:
        assert await socket.ended() == 4408


async def test_a_text_that_is_too_long_or_empty_is_the_visitors_to_change(visitor: Visitor) -> None:
    async with visitor.talking() as socket:
        for text, code in (("x" * (TEXT_CHARACTERS_MAX + 1), "too_long"), (" \x00\n", "empty")):
            await socket.say(type="message", id="0190aaaa-bbbb", text=text)
            error = await socket.hear("error", id="0190aaaa-bbbb")
            assert error == {"type": "error", "code": code, "id": "0190aaaa-bbbb"}
        await socket.write("x" * TEXT_CHARACTERS_MAX)


async def test_who_hurries_is_told_when_to_go_on_and_loses_nothing(visitor: Visitor) -> None:
    texts = [f"{number} {uuid4()}" for number in range(14)]
    waiting, accepted = list(texts), []
    async with visitor.talking() as socket:
        hurried = False
        while waiting:
            await socket.say(type="message", id=waiting[0].replace(" ", "-"), text=waiting[0])
            answer = await socket.ws.receive_json(timeout=30)
            while answer["type"] not in {"accepted", "error"}:
                socket.seen.append(answer)
                answer = await socket.ws.receive_json(timeout=30)
            if answer["type"] == "accepted":
                accepted.append(waiting.pop(0))
            else:
                hurried = True
                assert answer["code"] == "too_fast"
                assert 0 < answer["retry_after_ms"] <= 1000
                await past(time.monotonic() + answer["retry_after_ms"] / 1000)
        assert hurried
        while len(socket.lines) < len(texts):
            await socket.hear("message")
    assert [line["text"] for line in socket.lines] == texts


async def test_a_flood_ends_it(visitor: Visitor) -> None:
    async with visitor.talking() as socket:
        for number in range(300):
            try:
                await socket.say(type="message", id=f"flood-{number:04}", text="x")
            except aiohttp.ClientConnectionResetError:
                break
        assert await socket.ended() == 4429


async def test_a_visitor_has_so_many_connections_and_no_more(visitor: Visitor) -> None:
    async with AsyncExitStack() as tabs:
        for _ in range(PER_VISITOR_MAX):
            await tabs.enter_async_context(visitor.talking())
        async with speaking(visitor) as one_more:
            await one_more.say(type="hello", token=visitor.token)
            assert await one_more.ended() == 4409
    async with visitor.talking() as socket:
        await socket.write("There is room again")


async def test_an_account_that_is_closed_ends_it(visit: Visit, visitor: Visitor) -> None:
    async with visitor.talking() as socket:
        await visit.open_account(replace(chat_account(ID), enabled=False))
        await socket.say(type="message", id="0190aaaa-bbbb", text="Hello?")
        assert await socket.ended() == 4403


async def test_who_reads_nothing_is_dropped_and_goes_on_later(
    visit: Visit, visitor: Visitor
) -> None:
    async with visitor.talking() as talk:
        accepted = await talk.write("Tell me all")
    conversation = await conversation_of(visit, accepted["message_id"])
    for number in range(20):
        await reply(visit, conversation, f"{number} " + "x" * 65_000)
    async with visitor.talking() as talk:
        await talk.hear("message", cursor=21)

    await until(lambda: connections_are(visit, 0), what="earlier connections to end")
    async with speaking(visitor) as deaf:
        await deaf.say(type="hello", token=visitor.token)
        await until(lambda: connections_are(visit, 1), what="the connection")
        began_s = time.monotonic()
        for _ in range(10):  # 13 MB, more than the kernels on the way keep for anybody
            await deaf.say(type="earlier", before=100)
        await until(lambda: connections_are(visit, 0), what="the end of the connection")
        assert STALLED_SECONDS < time.monotonic() - began_s < 15
    async with visitor.talking(after=20) as talk:
        await talk.hear("message", cursor=21)


async def test_a_process_that_stops_says_come_again(visit: Visit, visitor: Visitor) -> None:
    async with visitor.talking() as socket:
        await socket.write("Are you still there?")
        stopping = asyncio.to_thread(visit.house.intake.stop)
        status, code = await asyncio.gather(stopping, socket.ended())
    assert (status, code) == (0, 1012)
    await asyncio.to_thread(visit.house.intake.start)
    async with visitor.talking() as socket:
        await socket.hear_text("Are you still there?")


async def test_what_was_accepted_survives_a_kill(visit: Visit, visitor: Visitor) -> None:
    async with visitor.talking() as socket:
        for text in ("one", "two", "three"):
            await socket.write(text, client_id=f"kill-{text}-{visitor.token[:8]}")
        visit.house.intake.kill()
    await asyncio.to_thread(visit.house.intake.start)
    async with visitor.talking() as socket:
        for text in ("one", "two", "three"):  # as a widget that never heard of it
            await socket.write(text, client_id=f"kill-{text}-{visitor.token[:8]}")
        await socket.write("four")
        await socket.hear_text("four")
    assert [line["text"] for line in socket.lines] == ["one", "two", "three", "four"]


async def test_kafka_frozen_is_said_within_three_seconds_and_the_message_is_there_once(
    visit: Visit, visitor: Visitor, kafka: stack.Kafka
) -> None:
    broker = kafka.server.process
    async with visitor.talking() as socket:
        await socket.write("Hello?")
        broker.send_signal(signal.SIGSTOP)
        try:
            began_s = time.monotonic()
            await socket.say(type="message", id="frozen-message", text="Anybody?")
            error = await socket.hear("error")
            assert (error["code"], error["id"]) == ("not_now", "frozen-message")
            assert error["retry_after_ms"] > 0
            assert time.monotonic() - began_s < 3.5
        finally:
            broker.send_signal(signal.SIGCONT)

        async def accepted() -> bool:
            await socket.say(type="message", id="frozen-message", text="Anybody?")
            answer = await socket.ws.receive_json(timeout=30)
            return bool(answer["type"] == "accepted")

        await until(accepted, what="Kafka to be back", deadline_s=60)
        last = await socket.write("There you are")
    conversation = await conversation_of(visit, last["message_id"])
    texts = await visit.texts(conversation["conversation_id"])
    assert texts == ["Hello?", "Anybody?", "There you are"]


async def test_the_widget_is_served_and_kept(visit: Visit) -> None:
    url = f"{visit.house.http_url}/chat/widget.js"
    async with visit.session.get(url) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/javascript"
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < WIDGET_BYTES_MAX
        assert "max-age" in answer.headers["cache-control"]
        etag = answer.headers["etag"]
    async with visit.session.get(url, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304


async def test_an_example_page_is_there_where_it_is_wanted(visit: Visit, visitor: Visitor) -> None:
    async with visit.session.get(f"{visit.house.http_url}/chat/{ID}/example") as answer:
        assert answer.status == 200
        assert f'data-account="{ID}"' in await answer.text()
        assert "'unsafe" not in answer.headers["content-security-policy"]
    await visit.open_account(chat_account("plain-chat"))
    async with visit.session.get(f"{visit.house.http_url}/chat/plain-chat/example") as answer:
        assert answer.status == 404


async def connections_are(visit: Visit, number: float) -> bool:
    return await metric(visit, "intake_chat_connections") == number


async def metric(visit: Visit, name: str) -> float:
    """A figure of the process; 0 while there is none."""
    async with visit.session.get(f"{visit.house.http_url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)
