"""The simulator through its doors: Twilio's shapes, receipts with valid signatures, faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from local.simulator.account import Account
from local.simulator.app import Settings, build
from local.simulator.receipts import Pace
from local.simulator.signature import HEADER, sign

ACCOUNT, TOKEN = "AC" + "0" * 32, "token"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
LOGIN = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}
AT_TWILIO = Account(
    "sms",
    "twilio",
    "+4915100000000",
    settings={"account_sid": ACCOUNT},
    secrets={"auth_token": TOKEN},
)
Client = TestClient[web.Request, web.Application]


@dataclass
class Receiver:
    """Takes status callbacks like the intake service would."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    arrived: asyncio.Queue[dict[str, str]] = field(default_factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        expected = sign(token=TOKEN, url=str(request.url), form=form)
        assert request.headers[HEADER] == expected
        await self.arrived.put(form)
        return web.Response(status=self.answers.pop(0) if self.answers else 204)

    async def next_status(self) -> str:
        form = await asyncio.wait_for(self.arrived.get(), timeout=10)
        return form["MessageStatus"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.add_routes([web.post("/callback", receiver.take)])
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/callback?message=m1"))
        yield receiver


def settings(folder: Path) -> Settings:
    pace = Pace(until_sent_ms=1, until_delivered_ms=1)
    return Settings(folder / "ledger.jsonl", (AT_TWILIO,), pace)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with TestClient(TestServer(build(settings(tmp_path)))) as client:
        yield client


def form(**changes: str) -> dict[str, str]:
    return {"To": "+4915100000001", "From": "+4915100000000", "Body": "Grüße"} | changes


async def create(client: Client, **changes: str) -> tuple[int, dict[str, Any]]:
    async with client.post(f"{MESSAGES}.json", data=form(**changes), headers=LOGIN) as answer:
        return answer.status, await answer.json()


async def listed(client: Client, **query: str) -> list[dict[str, Any]]:
    async with client.get(f"{MESSAGES}.json", params=query, headers=LOGIN) as answer:
        found: list[dict[str, Any]] = (await answer.json())["messages"]
        return found


async def set_faults(client: Client, **faults: float) -> None:
    async with client.put("/admin/faults", json=faults) as answer:
        assert answer.status == 200


async def test_a_message_is_queued_then_sent_then_delivered(
    client: Client, receiver: Receiver
) -> None:
    status, message = await create(client, StatusCallback=receiver.url)
    assert (status, message["status"], message["direction"]) == (201, "queued", "outbound-api")
    assert message["sid"].startswith("SM")
    assert [await receiver.next_status(), await receiver.next_status()] == ["sent", "delivered"]
    async with client.get(f"{MESSAGES}/{message['sid']}.json", headers=LOGIN) as answer:
        assert (await answer.json())["status"] == "delivered"


async def test_strangers_and_nonsense_are_refused(client: Client) -> None:
    async with client.post(f"{MESSAGES}.json", data=form()) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, 20003)
    assert (await create(client, To=""))[1]["code"] == 21604
    assert (await create(client, Body="x" * 1601))[1]["code"] == 21617
    async with client.get(f"{MESSAGES}/SMnone.json", headers=LOGIN) as answer:
        assert answer.status == 404


async def test_look_up_by_recipient_sender_and_day(client: Client, receiver: Receiver) -> None:
    _, first = await create(client, StatusCallback=receiver.url)
    await create(client, To="+4915100000002")
    assert [await receiver.next_status(), await receiver.next_status()] == ["sent", "delivered"]
    found = await listed(client, To="+4915100000001", From="+4915100000000")
    assert [each["sid"] for each in found] == [first["sid"]]
    assert await listed(client, To="+4915100000001", DateSent="2001-01-01") == []
    assert len(await listed(client, **{"DateSent>": "2001-01-01", "To": "+4915100000001"})) == 1
    assert [each["to"] for each in await listed(client, PageSize="1")] == ["+4915100000002"]


@pytest.mark.parametrize(
    ("fault", "answered", "effects"),
    [("throttle", 429, 0), ("error_before", 500, 0), ("error_after", 500, 1)],
)
async def test_errors_before_and_after_the_effect(
    client: Client, fault: str, answered: int, effects: int
) -> None:
    await set_faults(client, **{fault: 1.0})
    status, _ = await create(client)
    assert (status, len(await listed(client))) == (answered, effects)


@pytest.mark.parametrize(("fault", "effects"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_leaves_the_caller_in_doubt(
    client: Client, fault: str, effects: int
) -> None:
    await set_faults(client, **{fault: 1.0})
    with pytest.raises(aiohttp.ClientError):
        await create(client)
    await set_faults(client)
    assert len(await listed(client)) == effects


async def test_receipts_may_come_twice_late_or_end_badly(
    client: Client, receiver: Receiver
) -> None:
    await set_faults(client, receipt_twice=1.0, receipt_late=1.0, late_ms=1, undeliverable=1.0)
    await create(client, StatusCallback=receiver.url)
    statuses = sorted([await receiver.next_status() for _ in range(4)])
    assert statuses == ["sent", "sent", "undelivered", "undelivered"]


async def test_a_refused_receipt_is_repeated_only_where_the_url_asks(
    client: Client, receiver: Receiver
) -> None:
    receiver.answers = [503, 204]
    await create(client, StatusCallback=f"{receiver.url}#rc=2&rp=5xx")
    statuses = sorted([await receiver.next_status() for _ in range(3)])
    assert statuses in (["delivered", "delivered", "sent"], ["delivered", "sent", "sent"])


async def test_handsets_see_every_message_once_from_where_they_left_off(client: Client) -> None:
    await create(client, Body="one")
    await create(client, Body="two")
    async with client.get("/admin/handsets", params={"after": "1"}) as stream:
        line = await asyncio.wait_for(stream.content.readline(), timeout=10)
        await create(client, Body="three")
        next_line = await asyncio.wait_for(stream.content.readline(), timeout=10)
    assert b'"body":"two"' in line
    assert b'"body":"three"' in next_line


async def test_the_book_survives_its_process(tmp_path: Path, receiver: Receiver) -> None:
    never = Settings(tmp_path / "ledger.jsonl", (AT_TWILIO,), Pace(until_sent_ms=3_600_000))
    async with TestClient(TestServer(build(never))) as before:
        _, message = await create(before, StatusCallback=receiver.url)
    async with TestClient(TestServer(build(settings(tmp_path)))) as after:
        assert [await receiver.next_status(), await receiver.next_status()] == ["sent", "delivered"]
        assert [each["sid"] for each in await listed(after)] == [message["sid"]]


async def test_a_file_of_a_handset_is_given_by_way_of_a_signed_address(client: Client) -> None:
    headers = {"Content-Type": "image/png"}
    async with client.post("/admin/media", data=b"\x89PNG", headers=headers) as answer:
        ids = await answer.json()
    path = f"{MESSAGES}/{ids['message_sid']}/Media/{ids['media_sid']}"
    async with client.get(path) as answer:
        assert answer.status == 401
    async with client.get(path, headers=LOGIN, allow_redirects=False) as answer:
        assert answer.status == 307
        signed = answer.headers["Location"]
    async with client.get(signed) as answer:
        assert (await answer.read(), answer.content_type) == (b"\x89PNG", "image/png")
    for gone in (f"{MESSAGES}/MM0/Media/{ids['media_sid']}", f"{path}0"):
        async with client.get(gone, headers=LOGIN) as answer:
            assert answer.status == 404
    async with client.get("/media/nobody") as answer:
        assert answer.status == 404
