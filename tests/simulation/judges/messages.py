"""Invariant 1, and its counterpart outwards: every message in once, and out at most once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from switchboard.intake.v1.events_pb2 import ConversationEvent

from services.intake.shell.topics import CONVERSATIONS
from tests.simulation.judges.reading import check, events, rows
from tests.simulation.world import World

_SENT = frozenset({"SENT", "DELIVERED", "READ"})


async def judge(world: World) -> None:
    """Everything that was accepted is in one conversation; nothing else is; nothing went twice."""
    stored = {row["message_id"]: row for row in await rows(world, "message")}
    told = Counter(
        event.message_added.message.message_id
        for event in events(world, CONVERSATIONS, ConversationEvent)
        if event.HasField("message_added")
    )
    homes = {r["conversation_id"]: r["home_id"] for r in await rows(world, "conversation")}
    for message_id, written in world.customers.accepted.items():
        row = stored.get(message_id)
        check(row is not None, f"accepted message {message_id} is in no conversation")
        assert row is not None
        check(row["text"] == written.text, f"message {message_id} has another text")
        check(
            homes[row["conversation_id"]] == written.home_id,
            f"message {message_id} is in another customer's conversation",
        )
        check(told[message_id] == 1, f"message {message_id} was told {told[message_id]} times")
    inbound = {name for name, row in stored.items() if row["kind"] == "INBOUND"}
    strangers = (inbound | told.keys()) - world.customers.accepted.keys()
    check(not strangers, f"messages that nobody wrote: {sorted(strangers)}")
    await _one_live_conversation_each(world)
    _outward(world, await rows(world, "dispatch"), stored)


async def _one_live_conversation_each(world: World) -> None:
    live = Counter(row["home_id"] for row in await rows(world, "conversation", live=True))
    doubled = [home for home, count in live.items() if count > 1]
    check(not doubled, f"customers with two live conversations: {doubled}")


def _outward(
    world: World, dispatches: list[dict[str, Any]], stored: dict[str, dict[str, Any]]
) -> None:
    """The provider's book against ours."""
    effects = Counter(taken.message_id for taken in world.provider.book)
    twice = [name for name, count in effects.items() if count > 1]
    check(not twice, f"sent twice: {twice}")
    ours = {row["message_id"]: row for row in dispatches}
    check(not effects.keys() - ours.keys(), "the provider has messages that are not ours")
    came = Counter((taken.message_id, taken.account.account_id) for taken in world.provider.book)
    left = {(each.message_id, each.account.account_id) for each in world.provider.turned_away}
    for row in dispatches:
        name = row["message_id"]
        check(name in stored, f"dispatch {name} is of no message")
        at = (name, row["account_id"])
        if row["phase"] == "SENT" and "unseen" not in row["reason"] and at not in left:
            check(came[at] == 1, f"message {name} counts as sent, the provider has it not")
    for name, row in stored.items():
        if row["kind"] not in {"INBOUND", "NOTE"}:
            asked = [each for each in dispatches if each["message_id"] == name]
            check(name in ours, f"outbound message {name} was never queued")
            _detour(name, row["account_id"], asked)


def _detour(name: str, account_id: str, asked: list[dict[str, Any]]) -> None:
    """It goes over a second account if it has surely not gone over the first, and no third."""
    check(len(asked) <= 2, f"message {name} went over {len(asked)} accounts")
    check(
        account_id in {row["account_id"] for row in asked},
        f"message {name} says that it goes over {account_id}, and was not queued there",
    )
    for row in asked:
        left = row["account_id"] != account_id
        check(
            not (left and row["phase"] == "UNCERTAIN"),
            f"message {name} was in doubt, and went over another account",
        )
