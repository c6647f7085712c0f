"""What cannot be read, through a running process: kept, listed to administrators, forgotten."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import orjson
from switchboard.intake.v1 import account_service_pb2 as pb
from switchboard.intake.v1 import model_pb2

from services.intake.core.leftovers import KeepItem
from services.intake.shell import rows
from services.intake.shell.rows import parked_item_row
from tests.component.intake.house import Visit
from tests.support.waiting import until
from tests.unit.intake import telegram
from tests.unit.intake.given import NOON_MS

VISA = "4012888888881881"


async def opened(visit: Visit) -> str:
    account_id = f"tg-{uuid4().hex[:8]}"
    await visit.open_account(replace(telegram.bot(), account_id=account_id))
    return account_id


async def post(visit: Visit, account_id: str, **update: object) -> None:
    incoming = telegram.posted(telegram.update(**update))
    url = f"{visit.house.http_url}/webhooks/telegram/{account_id}"
    async with visit.session.post(url, data=incoming.body, headers=incoming.headers) as answer:
        assert answer.status == 200, await answer.text()


async def page(visit: Visit, account_id: str, **about: object) -> pb.ListParkedItemsResponse:
    ask = pb.ListParkedItemsRequest(account_id=account_id, **about)  # type: ignore[arg-type] # as the test says
    found: pb.ListParkedItemsResponse = await visit.get("AccountService.ListParkedItems", ask)
    return found


async def kept(visit: Visit, account_id: str, count: int) -> list[model_pb2.ParkedItem]:
    async def all_there() -> list[model_pb2.ParkedItem]:
        items = list((await page(visit, account_id)).items)
        return items if len(items) == count else []

    return await until(all_there, what=f"{count} items")


async def test_what_is_new_is_kept_and_listed_page_by_page(visit: Visit) -> None:
    account_id = await opened(visit)
    for depth in (1, 2, 3):
        await post(visit, account_id, hologram={"depth": depth, "card": VISA})
    await post(visit, account_id, my_chat_member={})  # is known, and no use
    items = await kept(visit, account_id, 3)
    assert {(item.kind, item.provider, item.account_id) for item in items} == {
        ("unknown", "telegram", account_id)
    }
    payloads = [orjson.loads(item.payload)["hologram"] for item in items]
    assert {each["depth"] for each in payloads} == {1, 2, 3}
    assert {each["card"] for each in payloads} == {f"{'•' * 12}1881"}
    first = await page(visit, account_id, page_size=2)
    rest = await page(visit, account_id, page_size=2, page_token=first.next_page_token)
    assert [*first.items, *rest.items] == items
    assert not rest.next_page_token


async def test_items_are_for_administrators_of_their_tenant(visit: Visit) -> None:
    ask = pb.ListParkedItemsRequest(account_id=await opened(visit))
    name = "AccountService.ListParkedItems"
    assert (await visit.call(name, ask, role="supervisor")).code == "PERMISSION_DENIED"
    assert (await visit.call(name, ask, tenant="other")).code == "NOT_FOUND"


async def test_what_came_before_is_gone_when_its_time_is_over(visit: Visit) -> None:
    home = uuid4().hex
    item = KeepItem("acme", home, uuid4().hex, "a", "slack", "unknown", "{}", NOON_MS)
    later = replace(item, item_id=uuid4().hex, received_at_ms=NOON_MS + 1)
    since = {"home_id": home, "tenant_id": "acme", "since_ms": NOON_MS + 1}
    given = {"parked_item": [parked_item_row(item), parked_item_row(later)]}
    for each in (given, {"parked_items_since": [since]}, {"parked_items_since": [since]}):
        await visit.rows.execute("SELECT commit_asides($1)", orjson.dumps(each).decode())
    left = await visit.rows.fetch("SELECT * FROM parked_item WHERE home_id = $1", home)
    assert [rows.parked_item_of(dict(row)) for row in left] == [later]
