"""Revisions: what they do to their messages, and how they wait for those that come later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from switchboard.intake.v1 import commands_pb2

from services.intake.core.commands import (
    Command,
    EditMessage,
    EraseCustomer,
    ForgetEarly,
    ReactToMessage,
    RetractMessage,
    Revision,
    UnlinkIdentity,
    YieldCustomer,
)
from services.intake.core.early import EARLY_MAX, KEPT_MS
from services.intake.core.events import (
    MessageEdited,
    MessageReacted,
    MessageRetracted,
    RevisionLeft,
    RevisionMatched,
)
from services.intake.core.evolve import evolve
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.links import LinkReason, LinkRule
from services.intake.core.model import Channel, Dossier, Identity, Progress, StatedIdentity
from services.intake.core.refusals import Reason, Rejection
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs
from tests.unit.intake.desk import Desk
from tests.unit.intake.given import (
    ACCOUNT,
    ADDRESS,
    HOME,
    NOON_MS,
    TENANT,
    after,
    empty,
    events_of,
    inbound,
    progress,
    refusal_of,
    say,
)

MESSAGE = inbound_message_id(ACCOUNT, "SM1")
WRITTEN = replace(inbound(MESSAGE), provider_message_id="SM1")
HIGHEST = "ffffffff-ffff-5fff-bfff-ffffffffffff"


def named(provider_id: str = "SM1", at_ms: int = NOON_MS) -> dict[str, Any]:
    return {
        "tenant_id": TENANT,
        "home_id": HOME,
        "account_id": ACCOUNT,
        "provider_message_id": provider_id,
        "message_id": inbound_message_id(ACCOUNT, provider_id),
        "occurred_at_ms": at_ms,
    }


def edit(text: str, *, at_ms: int = NOON_MS, provider_id: str = "SM1") -> EditMessage:
    return EditMessage(**named(provider_id, at_ms), text=text)


def react(reaction: str = "👍", provider_id: str = "SM1") -> ReactToMessage:
    return ReactToMessage(**named(provider_id), reaction=reaction)


RETRACT = RetractMessage(**named())


def then(dossier: Dossier, command: Command, now_ms: int = NOON_MS) -> Dossier:
    return reduce(evolve, events_of(dossier, command, now_ms=now_ms), dossier)


def kinds(dossier: Dossier, command: Command, now_ms: int = NOON_MS) -> list[type[Any]]:
    return [type(event) for event in events_of(dossier, command, now_ms=now_ms)]


def test_an_edit_replaces_the_text_and_tells_the_one_before() -> None:
    (event,) = events_of(after(WRITTEN), edit("Where, please?"))
    assert isinstance(event, MessageEdited)
    assert (event.message.text, event.before) == ("Where, please?", WRITTEN.text)
    assert event.message.edited_at_ms == NOON_MS


def test_the_latest_edit_holds_in_whatever_order_they_come() -> None:
    edits = [edit(text, at_ms=NOON_MS + n) for n, text in enumerate(["one", "two", "three"])]
    happened: tuple[Command, ...] = (WRITTEN, *edits)
    for order in permutations(happened):
        dossier = empty()
        for command in order:
            dossier = then(dossier, command, now_ms=NOON_MS + 9)
        assert dossier.messages[MESSAGE].text == "three"
        assert dossier.early == ()


def test_what_was_taken_back_is_empty_in_whatever_order_it_happened() -> None:
    happened: tuple[Command, ...] = (WRITTEN, edit("two", at_ms=NOON_MS + 1), RETRACT)
    for order in permutations(happened):
        dossier = empty()
        for command in order:
            dossier = then(dossier, command, now_ms=NOON_MS + 9)
        message = dossier.messages[MESSAGE]
        assert (message.text, message.attachments) == ("", ())
        assert message.retracted_at_ms == NOON_MS


def test_a_revision_waits_and_is_applied_right_behind_its_message() -> None:
    waiting = then(then(empty(), edit("later")), RETRACT)
    assert len(waiting.early) == 2
    found = kinds(waiting, WRITTEN)[-4:]
    assert found == [RevisionMatched, MessageEdited, RevisionMatched, MessageRetracted]
    assert kinds(waiting, replace(WRITTEN, message_id="m-2"))[-1] is not MessageRetracted


def test_a_repeat_does_not_wait_twice() -> None:
    waiting = then(empty(), edit("later"))
    assert events_of(waiting, edit("later")) == ()
    corrected = then(waiting, edit("later on"))
    assert [each.change for each in corrected.early] == ["later on"]


def test_a_customer_has_so_many_that_wait_and_no_more() -> None:
    dossier = empty()
    for number in range(EARLY_MAX):
        dossier = then(dossier, react(provider_id=f"SM{number}"))
    refused = refusal_of(dossier, react(provider_id="SMmore"))
    assert refused.reason is Reason.MESSAGE_NOT_FOUND


def test_a_reaction_waits_until_our_message_has_a_name_at_the_provider() -> None:
    dossier = after(WRITTEN, say(), react(provider_id="SMout"))
    sent = progress(Progress.SENT, provider_message_id="SMout")
    *_, matched, reacted = events_of(dossier, sent)
    assert isinstance(matched, RevisionMatched)
    assert isinstance(reacted, MessageReacted)
    assert (reacted.message.message_id, reacted.reaction) == ("r-1", "👍")
    assert events_of(then(dossier, sent), sent) == ()


def test_what_waited_long_enough_is_dropped() -> None:
    dossier = then(then(empty(), edit("one")), react(), now_ms=NOON_MS + 5)
    assert events_of(dossier, ForgetEarly(TENANT, HOME), now_ms=NOON_MS + KEPT_MS - 1) == ()
    (left,) = events_of(dossier, ForgetEarly(TENANT, HOME), now_ms=NOON_MS + KEPT_MS)
    assert left == RevisionLeft(dossier.early[0])
    assert [each.change for each in evolve(dossier, left).early] == ["👍"]


REASON = LinkReason.of(LinkRule.API, "agent/ada")


def test_what_waits_goes_along_with_its_customer() -> None:
    dossier = then(after(WRITTEN), edit("later", provider_id="SM2"))
    (early,) = dossier.early
    theirs = StatedIdentity(Channel.SMS, ADDRESS, HOME, verified=True)
    asked = YieldCustomer(TENANT, HOME, "0", "other", "", theirs, REASON)
    assert events_of(dossier, asked)[-1] == RevisionLeft(early, "0")


def test_what_waits_for_an_address_goes_along_with_the_address() -> None:
    number = "+4930901821"
    other = home_id(TENANT, "SMS", number)
    dossier = after(WRITTEN)
    assert dossier.customer is not None
    both = (*dossier.customer.identities, Identity(Channel.SMS, number, other, NOON_MS))
    dossier = replace(dossier, customer=replace(dossier.customer, identities=both))
    dossier = then(then(dossier, edit("mine", provider_id="SM2")), replace(RETRACT, home_id=other))
    dossier = then(dossier, replace(react(provider_id="SM3"), home_id=other))
    leaving = [each for each in dossier.early if each.home_id == other]
    unlink = UnlinkIdentity(TENANT, HOME, Channel.SMS, number, "c-new", "agent/ada")
    left = [event for event in events_of(dossier, unlink) if isinstance(event, RevisionLeft)]
    assert left == [RevisionLeft(each, other) for each in leaving]


def test_nothing_waits_for_somebody_who_is_erased() -> None:
    dossier = then(after(WRITTEN), edit("later", provider_id="SM2"))
    erased = then(dossier, EraseCustomer(TENANT, HOME, "customer_request", NOON_MS))
    assert erased.early == ()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.start()
    yield desk
    assert desk.letters() == []


def said(revision: Revision, desk: Desk) -> commands_pb2.IntakeInput:
    return inputs.revised(revision, received_at_ms=desk.now_ms)


async def arrive(desk: Desk) -> None:
    await desk.put(inputs.received(replace(WRITTEN, occurred_at_ms=desk.now_ms)))


async def test_an_edit_that_overtakes_its_message_is_read_behind_it(desk: Desk) -> None:
    desk.now_ms = NOON_MS
    await desk.put(said(edit("later"), desk))
    assert (await desk.rows("parked_revision"))[0]["waiting"]
    await desk.start()  # whoever has the shard next knows of it
    await arrive(desk)
    assert desk.kinds() == ["opened", "message_added", "message_edited"]
    (message,) = await desk.rows("message")
    assert (message["text"], message["sequence"]) == ("later", 2)
    assert message["threading"]["rule"] == "new"
    assert not (await desk.rows("parked_revision"))[0]["waiting"]
    await desk.put(said(edit("later"), desk))
    assert desk.kinds()[-1] == "message_edited"


async def test_a_message_and_its_edit_in_one_batch_are_both_there(desk: Desk) -> None:
    desk.now_ms = NOON_MS
    desk.threads.send(inputs.received(WRITTEN), topic=INPUTS, key=HOME)
    await desk.put(said(edit("later"), desk))
    assert desk.kinds() == ["opened", "message_added", "message_edited"]
    (message,) = await desk.rows("message")
    assert (message["text"], message["threading"]["rule"]) == ("later", "new")
    assert await desk.rows("parked_revision") == []


async def test_a_reaction_to_what_was_just_sent_waits_for_the_result(desk: Desk) -> None:
    await desk.write()
    await desk.reply()
    await desk.put(said(react(provider_id="SMout"), desk))
    assert "message_reacted" not in desk.kinds()
    await desk.accept(desk.calls[-1])
    assert desk.kinds()[-2:] == ["delivery_changed", "message_reacted"]


async def test_a_revision_whose_message_never_comes_is_dropped_and_counted(desk: Desk) -> None:
    await desk.put(said(edit("later"), desk))
    await desk.later(KEPT_MS - 1)
    assert (await desk.rows("parked_revision"))[0]["waiting"]
    await desk.later(2)
    assert not (await desk.rows("parked_revision"))[0]["waiting"]
    refused = [told.reason for told in desk.told if isinstance(told, Rejection)]
    assert refused == [Reason.MESSAGE_NOT_FOUND]
    await arrive(desk)
    assert desk.kinds() == ["opened", "message_added"]


async def test_a_revision_finds_its_message_where_its_customer_has_gone(desk: Desk) -> None:
    """Two homes become one while an edit waits at the one that yields."""
    other = "+4930901821"
    theirs = home_id(TENANT, "SMS", other)
    home, number = max((HOME, ADDRESS), (theirs, other))
    to_home, to_number = min((HOME, ADDRESS), (theirs, other))
    revision = replace(edit("later"), home_id=home)
    await desk.put(said(revision, desk), key=home)
    told = replace(WRITTEN, home_id=to_home, from_address=to_number, message_id="m-2")
    also = (StatedIdentity(Channel.SMS, number, home, verified=True),)
    greeting = replace(told, provider_message_id="SM2", also_known_as=also)
    await desk.put(inputs.received(greeting), key=to_home)
    assert {row["owner"]: row["waiting"] for row in await desk.rows("parked_revision")} == {
        to_home: True
    }
    late = replace(WRITTEN, home_id=home, from_address=number)
    await desk.put(inputs.received(late), key=home)
    assert desk.kinds()[-1] == "message_edited"
    assert {row["message_id"]: row["text"] for row in await desk.rows("message")} == {
        "m-2": WRITTEN.text,
        MESSAGE: "later",
    }


async def test_what_was_edited_and_taken_back_is_noted_for_good(desk: Desk) -> None:
    await arrive(desk)
    await desk.put(said(edit("later", at_ms=desk.now_ms), desk))
    await desk.put(said(replace(RETRACT, occurred_at_ms=desk.now_ms), desk))
    (message,) = await desk.rows("message")
    (noted,) = await desk.rows("retraction")
    assert (message["text"], noted["message_id"]) == ("", MESSAGE)
    assert noted["conversation_id"] == message["conversation_id"]
