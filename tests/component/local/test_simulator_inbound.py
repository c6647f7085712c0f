"""Customers write through every provider, and intake's own channel reads what it posts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from services.intake.core.identity import inbound_message_id
from services.intake.shell.channels.protocol import Arrived
from tests.support.simulated import ENDPOINTS, Simulated, simulated

PROVIDERS = tuple(ENDPOINTS)
TEXT = "Wo ist mein Päckchen? <1 & 2> 👋"


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_what_a_customer_writes_comes_in(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        told = await at.write(TEXT)
        item = await at.door.next()
        assert isinstance(item, Arrived)
        assert (item.message.text, item.message.from_address) == (TEXT, at.person)
        assert item.message.provider_message_id == told["id"]
        assert told["answers"] == [200]


async def test_every_message_has_an_id_of_its_own(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        ids = [(await at.write(f"{number}"))["id"] for number in range(3)]
        await at.sender.send(at.dispatch(), at.account)
        ids.append((await at.write("and more"))["id"])
        assert len(set(ids)) == 4


async def test_a_duplicate_is_the_same_message_again(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        told = await at.write(TEXT, duplicate=2)
        ids = {(await at.door.next()).message.message_id for _ in range(3)}
        assert told["answers"] == [200, 200, 200]
        assert ids == {inbound_message_id(at.account.account_id, told["id"])}
        again = await at.write("", id=told["id"])
        assert again["id"] == told["id"]
        assert (await at.door.next()).message.message_id in ids


async def test_what_is_not_taken_is_brought_again(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        at.door.answers = [503]
        told = await at.write(TEXT)
        assert (told["answers"], len(at.door.requests)) == ([200], 2)
        assert (await at.door.next()).message.provider_message_id == told["id"]


async def test_a_name_is_told_where_the_provider_tells_it(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        await at.write(TEXT, name="Grete")
        known = (await at.door.next()).message.from_name
        assert known == ("Grete" if provider in {"whatsapp", "telegram"} else "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"provider": "pigeon"}, "pigeon has no account"),
        ({"account_id": "demo-nobody"}, "has no account demo-nobody"),
        ({"from": ""}, "from and text are wanted"),
        ({"text": ""}, "from and text are wanted"),
        ({"text": 7}, "text is not str"),
        ({"duplicate": -1}, "duplicate is up to"),
        ({"duplicate": True}, "duplicate is not int"),
        ({"colour": "red"}, "unknown: colour"),
        ({"id": "never"}, "nothing was written as never"),
    ],
)
async def test_nonsense_is_refused(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    async with simulated("line", tmp_path) as at:
        said = {"provider": "line", "account_id": at.account.account_id, "from": "U1", "text": "x"}
        async with at.api.post("/admin/inbound", json=said | change) as answer:
            assert (answer.status, says in (await answer.json())["error"]) == (400, True)
        async with at.api.post("/admin/inbound", data=b"[") as answer:
            assert answer.status == 400
        assert at.door.requests == []


async def bodies(at: Simulated) -> list[Any]:
    return [orjson.loads(each.body) for each in at.door.requests]


async def test_a_redelivery_of_line_says_so_and_has_the_same_ids(tmp_path: Path) -> None:
    async with simulated("line", tmp_path) as at:
        at.door.answers = [500]
        await at.write(TEXT)
        [first], [second] = [each["events"] for each in await bodies(at)]
        told = [each.pop("deliveryContext")["isRedelivery"] for each in (first, second)]
        assert (told, first) == ([False, True], second)


async def test_slack_numbers_its_repeats_and_telegram_its_updates(tmp_path: Path) -> None:
    async with simulated("slack", tmp_path / "slack") as at:
        at.door.answers = [500]
        await at.write(TEXT)
        numbers = [each.headers.get("x-slack-retry-num") for each in at.door.requests]
        assert numbers == [None, "1"]
    async with simulated("telegram", tmp_path / "telegram") as at:
        at.door.answers = [200, 500]
        await at.write("first")
        await at.write("second")
        one, two, again = [each["update_id"] for each in await bodies(at)]
        assert (two, again) == (one + 1, two)
