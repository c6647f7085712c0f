"""Whatever is linked, unlinked and written, in whatever order: everybody is somebody, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.intake.crowd import (
    CHAT,
    COLLEAGUE,
    CRM,
    MAIL,
    OTHER_CRM,
    PHONE,
    WHATSAPP,
    At,
    Crowd,
)

EVERYBODY = (PHONE, WHATSAPP, MAIL, CHAT, CRM, OTHER_CRM, COLLEAGUE)
anyone = st.sampled_from(EVERYBODY)
steps = st.tuples(st.sampled_from(["hear", "link", "link", "unlink"]), anyone, anyone)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=4, max_size=24), st.booleans())
def test_every_address_has_one_customer_and_every_message_one_conversation(
    history: Sequence[tuple[str, At, At]], takes_over: bool
) -> None:
    asyncio.run(_play(history, takes_over=takes_over))


async def _play(history: Sequence[tuple[str, At, At]], *, takes_over: bool) -> None:
    crowd = Crowd()
    await crowd.start()
    for at in EVERYBODY[:4]:
        await crowd.hear(at, at.address)
    heard = 4
    for number, (what, one, other) in enumerate(history):
        crowd.now_ms += 60_000
        if what == "hear":
            await crowd.hear(one, number)
            heard += 1
        elif what == "link" and await _is_known(crowd, one):
            await crowd.link(one, other, f"link-{number}", verified=one in {CRM, OTHER_CRM})
        elif what == "unlink" and await _is_known(crowd, one):
            await crowd.unlink(one, f"unlink-{number}")
        if takes_over and number == len(history) // 2:
            await crowd.start()
    await _judge(crowd, heard)


async def _is_known(crowd: Crowd, at: At) -> bool:
    return any(row["home_id"] == at.home for row in await crowd.rows("customer"))


async def _judge(crowd: Crowd, heard: int) -> None:
    assert crowd.letters() == []
    customers = [row for row in await crowd.rows("customer") if not row["yields_to"]]
    addresses = Counter(
        (each["channel"], each["address"]) for row in customers for each in row["identities"]
    )
    assert set(addresses.values()) <= {1}, "an address of two customers"
    assert len({row["customer_id"] for row in customers}) == len(customers)
    for row in customers:
        known = {i["address"] for i in row["identities"] if i["channel"] == "API" and i["verified"]}
        assert len(known) <= 1, "two people of the tenant's own systems in one customer"
    messages = [row for row in await crowd.rows("message") if row["kind"] == "INBOUND"]
    assert len(messages) == heard
    owners = {row["home_id"]: row["customer_id"] for row in customers}
    for row in await crowd.rows("conversation"):
        if row["live"]:
            assert owners[row["home_id"]] == row["customer_id"]
    _in_order(crowd)


def _in_order(crowd: Crowd) -> None:
    """Each conversation's events come in their order, whichever home wrote them."""
    last: dict[str, int] = {}
    for event in crowd.events():
        if event.sequence:  # a refused command is no event of the conversation
            conversation_id = event.conversation.conversation_id
            assert event.sequence == last.get(conversation_id, 0) + 1
            last[conversation_id] = event.sequence
