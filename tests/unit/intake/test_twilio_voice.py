"""Calls over Twilio: what is done with them, and what is made of what is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.call_model import CallState, Forwarding, NoteCall
from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel
from services.intake.shell.addresses import BadAddress
from services.intake.shell.channels.protocol import (
    Arrived,
    Called,
    Hook,
    Malformed,
    Unread,
)
from services.intake.shell.channels.twilio_voice import (
    ForwardedHook,
    RecordedHook,
    RingingHook,
    StatusHook,
)
from services.intake.shell.channels.twiml import dial, document, say
from services.intake.shell.wire import calls
from tests.unit.intake.given import ADDRESS, NOON_MS, TENANT
from tests.unit.intake.voice import (
    ACCOUNT,
    ANSWERED,
    ENDED,
    LEFT,
    NOT_ANSWERED,
    READ,
    RECORDING,
    RINGING,
    SETTINGS,
    SID,
    URL,
    line,
    posted,
)

HOOKS: Mapping[str, Hook] = {
    "": RingingHook(),
    "/status": StatusHook(),
    "/forwarded": ForwardedHook(),
    "/recorded": RecordedHook(),
}
FORMS = {"": RINGING, "/status": ENDED, "/forwarded": NOT_ANSWERED, "/recorded": LEFT}


def parsed(
    form: Mapping[str, str], there: str = "", **account: Any
) -> tuple[ReceiveMessage, NoteCall]:
    message, called = HOOKS[there].parse(posted(form, there), line(**account))
    assert isinstance(message, Arrived)
    assert isinstance(called, Called)
    return message.message, called.note


def answered(form: Mapping[str, str], there: str = "", **account: Any) -> Any:
    """The TwiML, as its root element."""
    incoming = posted(form, there)
    hook = HOOKS[there]
    answer = hook.answer(incoming, hook.parse(incoming, line(**account)))
    assert (answer.status_code, answer.media_type) == (200, "text/xml")
    return fromstring(answer.body)


def verbs(root: Any) -> list[str]:
    return [each.tag for each in root]


@pytest.mark.parametrize("there", HOOKS)
def test_whatever_is_told_of_a_call_tells_its_message_too(there: str) -> None:
    message, note = parsed(FORMS[there], there)
    assert (message.channel, message.text, message.from_address) == (
        Channel.VOICE,
        "[call]",
        ADDRESS,
    )
    assert message.message_id == note.call.message_id == inbound_message_id(ACCOUNT, SID)
    assert message.home_id == note.home_id == home_id(TENANT, "VOICE", ADDRESS)
    assert (message.language, message.pool_hint, message.tags) == ("de", "berlin", ("sms",))


@pytest.mark.parametrize("there", HOOKS)
def test_only_twilio_may_tell(there: str) -> None:
    incoming = posted(FORMS[there], there)
    assert HOOKS[there].verify(incoming, line())
    assert not HOOKS[there].verify(incoming, line(secrets={"auth_token": ("another",)}))
    assert not HOOKS[there].verify(posted(FORMS[there], "/elsewhere"), line(secrets={}))


def test_a_call_is_greeted_and_connected() -> None:
    root = answered(RINGING)
    greeting, connected = root
    assert (greeting.tag, greeting.text, greeting.get("language")) == ("Say", "Guten Tag", "de-DE")
    assert (connected.tag, connected.text) == ("Dial", "+4930555111")
    assert (connected.get("action"), connected.get("timeout")) == (f"{URL}/forwarded", "20")


def test_a_call_that_nobody_is_there_for_is_recorded() -> None:
    settings = {"voice_mailbox": "Nach dem Ton", "voice_transcribe": "true"}
    root = answered(RINGING, settings=settings)
    asked, recording, end = root
    assert (asked.text, end.tag) == ("Nach dem Ton", "Hangup")
    assert recording.get("action") == recording.get("transcribeCallback") == f"{URL}/recorded"
    assert parsed(RINGING, settings=settings)[1].call.forwarding is Forwarding.NOBODY
    assert parsed(RINGING)[1].call.forwarding is None


@pytest.mark.parametrize(
    ("settings", "done"),
    [
        ({}, ["Reject"]),
        ({"voice_greeting": "Guten Tag"}, ["Say", "Hangup"]),
        ({"voice_forward_to": "+4930555111"}, ["Dial"]),
        (SETTINGS | {"blocked_senders": ADDRESS}, ["Reject"]),
    ],
)
def test_what_is_done_is_as_the_account_says(settings: dict[str, str], done: list[str]) -> None:
    assert verbs(answered(RINGING, settings=settings)) == done


@pytest.mark.parametrize(
    ("seconds", "rings"), [("7", "7"), ("0", "20"), ("601", "20"), ("soon", "20"), ("9" * 99, "20")]
)
def test_the_telephone_rings_as_long_as_the_account_says(seconds: str, rings: str) -> None:
    settings = SETTINGS | {"voice_ring_seconds": seconds}
    assert answered(RINGING, settings=settings).find("Dial").get("timeout") == rings


def test_whoever_is_not_answered_may_leave_a_message() -> None:
    root = answered(NOT_ANSWERED, "/forwarded")
    assert verbs(root) == ["Say", "Record", "Hangup"]
    assert root.find("Record").get("action") == f"{URL}/recorded"
    assert root.find("Record").get("transcribe") is None
    assert verbs(answered(ANSWERED, "/forwarded")) == ["Hangup"]
    no_mailbox = {"voice_forward_to": "+4930555111"}
    assert verbs(answered(NOT_ANSWERED, "/forwarded", settings=no_mailbox)) == ["Hangup"]
    assert verbs(answered(LEFT, "/recorded")) == ["Hangup"]
    assert verbs(answered(ENDED, "/status")) == []


STATES = [
    ("queued", CallState.QUEUED),
    ("initiated", CallState.QUEUED),
    ("ringing", CallState.RINGING),
    ("in-progress", CallState.IN_PROGRESS),
    ("completed", CallState.COMPLETED),
    ("busy", CallState.BUSY),
    ("no-answer", CallState.NO_ANSWER),
    ("failed", CallState.FAILED),
    ("canceled", CallState.CANCELED),
]


@pytest.mark.parametrize(("word", "state"), STATES)
def test_the_status_is_how_far_the_call_is(word: str, state: CallState) -> None:
    _, note = parsed(ENDED | {"CallStatus": word}, "/status")
    assert note.call.state is state
    has_ended = state not in {CallState.QUEUED, CallState.RINGING, CallState.IN_PROGRESS}
    assert note.call.duration_ms == (93_000 if has_ended else 0)


def test_the_time_is_the_providers_where_it_tells_one() -> None:
    at_ms = 1_749_999_995_000
    assert parsed(ENDED, "/status")[1].occurred_at_ms == at_ms
    for odd in ("", "soon", "Sun, 15 Jun 9025 14:06:35 +0000"):
        assert parsed(ENDED | {"Timestamp": odd}, "/status")[1].occurred_at_ms == NOON_MS


FORWARDINGS = [
    ("completed", Forwarding.ANSWERED),
    ("answered", Forwarding.ANSWERED),
    ("busy", Forwarding.BUSY),
    ("no-answer", Forwarding.NO_ANSWER),
    ("canceled", Forwarding.NO_ANSWER),
    ("failed", Forwarding.FAILED),
    ("something new", Forwarding.FAILED),
]


@pytest.mark.parametrize(("word", "forwarding"), FORWARDINGS)
def test_the_connection_says_whether_somebody_was_reached(
    word: str, forwarding: Forwarding
) -> None:
    _, note = parsed(ANSWERED | {"DialCallStatus": word}, "/forwarded")
    assert (note.call.forwarding, note.call.talk_ms) == (forwarding, 75_000)


def test_a_voice_message_stays_with_twilio() -> None:
    call = parsed(LEFT, "/recorded")[1].call
    assert (call.recording_url, call.recording_ms) == (f"{RECORDING}.mp3", 12_000)
    assert parsed(READ, "/recorded")[1].call.transcript == "Please call me back."


@pytest.mark.parametrize(
    ("caller", "address"),
    [
        ("+49 30 901820", ADDRESS),
        ("+266696687", f"hidden/{SID}"),
        ("anonymous", f"hidden/{SID}"),
        ("Restricted", f"hidden/{SID}"),
        ("sip:grete@example.org", "sip:grete@example.org"),
        ("client:grete", "client:grete"),
    ],
)
def test_who_hides_their_number_is_somebody_new(caller: str, address: str) -> None:
    assert parsed(RINGING | {"From": caller})[0].from_address == address


@pytest.mark.parametrize(
    ("form", "there"),
    [
        (RINGING | {"CallSid": ""}, ""),
        (RINGING | {"From": ""}, ""),
        (RINGING | {"From": "sip:a\nb"}, ""),
        (ENDED | {"CallStatus": ""}, "/status"),
        (NOT_ANSWERED | {"DialCallStatus": ""}, "/forwarded"),
        (LEFT | {"RecordingUrl": ""}, "/recorded"),
        (LEFT | {"RecordingUrl": "javascript:alert(1)"}, "/recorded"),
    ],
)
def test_what_twilio_does_not_send_is_malformed(form: dict[str, str], there: str) -> None:
    with pytest.raises((Malformed, BadAddress)):
        HOOKS[there].parse(posted(form, there), line())


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        (ENDED | {"Direction": "outbound-dial"}, "outbound"),
        (ENDED | {"CallStatus": "dreaming"}, "other_status"),
    ],
)
def test_calls_of_others_are_counted(form: dict[str, str], kind: str) -> None:
    assert list(StatusHook().parse(posted(form, "/status"), line())) == [Unread(kind)]


@given(st.text(), st.sampled_from(["", "de", "de-AT", "pt-BR", "en-GB", "eo", '"><Hangup/>']))
def test_whatever_is_said_is_one_text_of_a_document(text: str, language: str) -> None:
    root = fromstring(document(say(text, language)))
    assert verbs(root) in ([], ["Say"])
    assert all(len(each) == 0 for each in root)


@pytest.mark.parametrize(
    ("language", "locale"),
    [("de", "de-DE"), ("de-AT", "de-DE"), ("PT-br", "pt-BR"), ("en", "en-US"), ("eo", None)],
)
def test_a_text_is_read_in_the_nearest_language(language: str, locale: str | None) -> None:
    (said,) = fromstring(document(say("x", language)))
    assert said.get("language") == locale


def test_a_number_cannot_leave_its_place() -> None:
    odd = '"><Reject/><Dial action="'
    root = fromstring(document(dial(odd, action=odd, ring_seconds=1)))
    assert verbs(root) == ["Dial"]
    assert (root[0].text, root[0].get("action")) == (odd, odd)


@pytest.mark.parametrize("there", HOOKS)
def test_what_is_told_comes_out_as_it_went_in(there: str) -> None:
    for form in (FORMS[there], ANSWERED | FORMS[there], READ | FORMS[there]):
        _, note = parsed(form, there)
        said = calls.told(
            note, from_address=ADDRESS, to_address="+4930555000", received_at_ms=NOON_MS
        )
        assert calls.note_call(said, NOON_MS, str) == note
