"""Calls: what their messages say, in whatever order it is told, and who still waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import reduce
from itertools import permutations
from typing import Any

import pytest

from services.intake.core.call_model import Call, CallNoted, CallState, Forwarding, NoteCall
from services.intake.core.calls import Outcome, outcome, text_of, together
from services.intake.core.commands import EraseCustomer
from services.intake.core.events import AttachmentChanged
from services.intake.core.evolve import evolve
from services.intake.core.identity import inbound_message_id
from services.intake.core.model import Channel, Dossier, Status
from services.intake.core.refusals import Reason
from services.intake.shell.channels.twilio_voice import (
    ForwardedHook,
    RecordedHook,
    RingingHook,
    StatusHook,
)
from services.intake.shell.wire import calls, inputs
from tests.unit.intake.desk import Desk
from tests.unit.intake.given import (
    ACCOUNT,
    HOME,
    NOON_MS,
    TENANT,
    after,
    empty,
    events_of,
    inbound,
    refusal_of,
    set_status,
)
from tests.unit.intake.voice import (
    ANSWERED,
    ENDED,
    LEFT,
    NOT_ANSWERED,
    READ,
    RECORDING,
    RINGING,
    line,
    posted,
)

MESSAGE = inbound_message_id(ACCOUNT, "CA1")
CALLED = replace(inbound(MESSAGE, text="[call]"), channel=Channel.VOICE, provider_message_id="CA1")
RING = Call(MESSAGE, ACCOUNT, "CA1", CallState.RINGING)
UP = replace(RING, state=CallState.IN_PROGRESS)
DOWN = replace(RING, state=CallState.COMPLETED, duration_ms=93_000)
REACHED = replace(UP, forwarding=Forwarding.ANSWERED, talk_ms=75_000)
MISSED = replace(UP, forwarding=Forwarding.NO_ANSWER)
ALONE = replace(RING, forwarding=Forwarding.NOBODY)
TOLD = replace(UP, recording_url="https://a/b.mp3", recording_ms=12_000)
TEXT = replace(UP, recording_url="https://a/b.mp3", transcript="Call me.")

SAYS = [
    ((RING,), "[call]"),
    ((RING, UP), "[call]"),
    ((RING, UP, DOWN), "[call, 1:33]"),
    ((RING, REACHED), "[call, 1:15]"),
    ((RING, REACHED, DOWN), "[call, 1:15]"),
    ((RING, MISSED), "[missed call]"),
    ((RING, MISSED, DOWN), "[missed call]"),
    ((ALONE, UP), "[call]"),
    ((ALONE, DOWN), "[missed call]"),
    ((RING, replace(RING, state=CallState.NO_ANSWER)), "[missed call]"),
    ((RING, replace(RING, state=CallState.CANCELED)), "[missed call]"),
    ((RING, replace(RING, state=CallState.BUSY)), "[missed call: busy]"),
    ((RING, replace(RING, state=CallState.FAILED)), "[missed call: failed]"),
    ((RING, replace(UP, forwarding=Forwarding.BUSY), DOWN), "[missed call: busy]"),
    ((RING, replace(UP, forwarding=Forwarding.FAILED), DOWN), "[missed call: failed]"),
    ((ALONE, TOLD, DOWN), "[voice message, 0:12]"),
    ((RING, MISSED, TOLD, TEXT, DOWN), "[voice message, 0:12]\nCall me."),
]


def note(call: Call, at_ms: int = NOON_MS) -> NoteCall:
    return NoteCall(TENANT, HOME, call, at_ms)


def told(*told: Call, begin: Dossier | None = None) -> Dossier:
    dossier = begin or after(CALLED)
    for call in told:
        dossier = reduce(evolve, events_of(dossier, note(call)), dossier)
    return dossier


@pytest.mark.parametrize(("steps", "text"), SAYS)
def test_a_message_says_what_became_of_its_call_in_whatever_order_it_is_told(
    steps: tuple[Call, ...], text: str
) -> None:
    for order in permutations(steps):
        dossier = told(*order)
        message = dossier.messages[MESSAGE]
        assert message.text == text
        assert [each.reference for each in message.attachments] == (
            ["https://a/b.mp3"] if TOLD in steps else []
        )
        for step in order:  # and a repeat is no news
            assert events_of(dossier, note(step)) == ()


def test_of_two_ends_the_first_that_is_told_stays() -> None:
    busy = replace(RING, state=CallState.BUSY)
    assert outcome(together(busy, DOWN)) is Outcome.BUSY
    assert together(together(RING, DOWN), UP).state is CallState.COMPLETED


def test_a_recording_that_we_have_by_now_stays_ours() -> None:
    dossier = told(RING, TOLD)
    message = dossier.messages[MESSAGE]
    ours = replace(message.attachments[0], reference="blob:7")
    stored = AttachmentChanged(replace(message, attachments=(ours,)), ours)
    dossier = told(TEXT, begin=evolve(dossier, stored))
    assert dossier.messages[MESSAGE].text.endswith("Call me.")
    assert dossier.messages[MESSAGE].attachments == (ours,)


@pytest.mark.parametrize("state", CallState)
def test_every_state_says_something(state: CallState) -> None:
    for forwarding in (None, *Forwarding):
        call = replace(RING, state=state, forwarding=forwarding)
        assert text_of(call).startswith("[")


@pytest.mark.parametrize("status", [Status.PENDING, Status.RESOLVED])
@pytest.mark.parametrize("missed", [MISSED, TOLD, replace(DOWN, forwarding=Forwarding.BUSY)])
def test_whoever_was_not_reached_still_waits(missed: Call, status: Status) -> None:
    dossier = told(RING, begin=after(CALLED, set_status(status)))
    (conversation,) = told(missed, begin=dossier).live
    assert conversation.status is Status.OPEN


@pytest.mark.parametrize("ended", [REACHED, DOWN, UP])
def test_whoever_was_reached_moves_nothing(ended: Call) -> None:
    dossier = told(RING, begin=after(CALLED, set_status(Status.RESOLVED)))
    (conversation,) = told(ended, begin=dossier).live
    assert conversation.status is Status.RESOLVED


def test_what_is_told_late_of_a_call_that_was_called_back_opens_nothing() -> None:
    dossier = told(RING, MISSED)
    dossier = reduce(evolve, events_of(dossier, set_status(Status.RESOLVED)), dossier)
    assert [type(each) for each in events_of(dossier, note(DOWN))] == [CallNoted]


def test_a_call_that_nobody_knows_is_refused() -> None:
    assert refusal_of(empty(), note(RING)).reason is Reason.MESSAGE_NOT_FOUND


def test_nobody_keeps_the_voice_of_somebody_who_is_erased() -> None:
    dossier = told(RING)
    erased = EraseCustomer(TENANT, HOME, "customer_request", NOON_MS)
    dossier = reduce(evolve, events_of(dossier, erased), dossier)
    assert [type(each) for each in events_of(dossier, note(TOLD))] == []


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.start()
    yield desk
    assert desk.letters() == []


async def ring(desk: Desk, hook: Any, form: dict[str, str], there: str) -> None:
    """Twilio posts; what the door makes of it goes in."""
    message, called = hook.parse(posted(form, there), line())
    desk.threads.send(
        inputs.received(message.message), topic="intake.inputs.v1", key=called.note.home_id
    )
    said = calls.told(called.note, from_address="", to_address="", received_at_ms=desk.now_ms)
    await desk.put(said, key=called.note.home_id)


STEPS = [
    (RingingHook(), RINGING, ""),
    (ForwardedHook(), NOT_ANSWERED, "/forwarded"),
    (RecordedHook(), LEFT, "/recorded"),
    (RecordedHook(), READ, "/recorded"),
    (StatusHook(), ENDED, "/status"),
]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
async def test_a_call_is_one_message_whoever_tells_of_it_first(
    desk: Desk, order: list[int]
) -> None:
    for place in [*order, *order]:
        await ring(desk, *STEPS[place])
    (message,) = await desk.rows("message")
    assert message["text"] == "[voice message, 0:12]\nPlease call me back."
    (attachment,) = message["attachments"]
    (wanted,) = await desk.rows("media_wanted")
    assert attachment["reference"] == wanted["reference"] == f"{RECORDING}.mp3"
    (call,) = await desk.rows("call")
    assert (call["state"], call["forwarding"]) == ("COMPLETED", "NO_ANSWER")
    conversation = await desk.conversation()
    assert (conversation["status"], conversation["messages"]) == ("OPEN", 1)
    assert desk.kinds()[:2] == ["opened", "message_added"]
    assert set(desk.kinds()[2:]) == {"message_edited"}


async def test_a_call_that_was_answered_says_how_long(desk: Desk) -> None:
    await ring(desk, *STEPS[0])
    await desk.start()
    await ring(desk, ForwardedHook(), ANSWERED, "/forwarded")
    (message,) = await desk.rows("message")
    assert message["text"] == "[call, 1:15]"
