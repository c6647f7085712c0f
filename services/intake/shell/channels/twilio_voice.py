"""Telephone calls over Twilio: what to do with one that comes in, and what became of it.

https://www.twilio.com/docs/voice/twiml and /docs/voice/api/call-resource

The account says what is done: its `voice_greeting` is read out, the caller is connected with
`voice_forward_to`, and whoever is not answered may leave a message if there is a `voice_mailbox`,
which is what is read out before. Twilio waits for the answer while the caller hears nothing, and a
call that is not answered in fifteen seconds fails: so everything is in memory but the one write.

A caller who hides their number is somebody new with each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from starlette.responses import Response

from services.intake.core.account import VOICE_TRANSCRIBE, Account
from services.intake.core.call_model import Call, CallState, Forwarding, NoteCall
from services.intake.core.calls import ENDED, RINGING_TEXT
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel as Medium
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.channels.arrivals import TEXT_CHARACTERS_MAX, arrived
from services.intake.shell.channels.contents import Content
from services.intake.shell.channels.forms import required, storable
from services.intake.shell.channels.protocol import (
    Called,
    Channel,
    Incoming,
    Item,
    Malformed,
    Unread,
)
from services.intake.shell.channels.twilio_media import TwilioRecordings
from services.intake.shell.channels.twilio_request import TwilioHook
from services.intake.shell.channels.twiml import (
    HANG_UP,
    MEDIA_TYPE,
    REJECT,
    dial,
    document,
    record,
    say,
)

PROVIDER: Final = "twilio_voice"
PATH: Final = "/webhooks/twilio/{account_id}/voice"
FORWARDED: Final = "/forwarded"
RECORDED: Final = "/recorded"
RING_SECONDS: Final = 20
RING_SECONDS_MAX: Final = 600
SECONDS_MAX: Final = 1_000_000
REACHES: Final = ("sip:", "client:")
HIDDEN: Final = frozenset({"+266696687", "+7378742833", "+2562533", "+8566696", "+86282452253"})
"""What Twilio gives for anonymous, restricted, blocked, unknown and unavailable callers."""

_STATES: Final[Mapping[str, CallState]] = {
    "queued": CallState.QUEUED,
    "initiated": CallState.QUEUED,
    "ringing": CallState.RINGING,
    "in-progress": CallState.IN_PROGRESS,
    "answered": CallState.IN_PROGRESS,
    "completed": CallState.COMPLETED,
    "busy": CallState.BUSY,
    "no-answer": CallState.NO_ANSWER,
    "failed": CallState.FAILED,
    "canceled": CallState.CANCELED,
}
_FORWARDINGS: Final[Mapping[str, Forwarding]] = {
    "completed": Forwarding.ANSWERED,
    "answered": Forwarding.ANSWERED,
    "busy": Forwarding.BUSY,
    "no-answer": Forwarding.NO_ANSWER,
    "canceled": Forwarding.NO_ANSWER,  # the caller did not wait any longer
    "failed": Forwarding.FAILED,
}


class _CallHook(TwilioHook):
    """What all webhooks of calls share."""

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """What to do, where Twilio asks; nothing where it only tells."""
        del incoming
        answers = [item.answer for item in items if isinstance(item, Called) and item.answer]
        return Response(answers[0] if answers else document(), media_type=MEDIA_TYPE)


class RingingHook(_CallHook):
    """A call comes in."""

    path = PATH

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """A message of the caller, and the call; what to do with it is as the account says."""
        form = self.form(incoming)
        message = _message(form, incoming, account)
        forwards = bool(account.settings.get("voice_forward_to"))
        is_blocked = account.blocks(_caller(form))
        told = _told(
            form,
            incoming,
            account,
            forwarding=None if forwards else Forwarding.NOBODY,
            answer=document(REJECT) if is_blocked else _received(incoming, account),
        )
        return [message, told]


class StatusHook(_CallHook):
    """How far a call has come, of those that come in."""

    path = f"{PATH}/status"

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """The call; its message too, if we were away when it rang."""
        form = self.form(incoming)
        if form.get("Direction", "inbound") != "inbound":
            return [Unread("outbound")]  # the person with whom the caller is connected
        if required(form, "CallStatus").lower() not in _STATES:
            return [Unread("other_status")]
        return [_message(form, incoming, account), _told(form, incoming, account)]


class ForwardedHook(_CallHook):
    """What became of connecting the caller with a person."""

    path = f"{PATH}{FORWARDED}"

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """The call; whoever was not answered may leave a message."""
        form = self.form(incoming)
        became = _FORWARDINGS.get(required(form, "DialCallStatus").lower(), Forwarding.FAILED)
        left = [] if became is Forwarding.ANSWERED else _mailbox(incoming, account, FORWARDED)
        answer = document(*left, HANG_UP)
        talk_ms = _ms(form, "DialCallDuration")
        told = _told(form, incoming, account, forwarding=became, talk_ms=talk_ms, answer=answer)
        return [_message(form, incoming, account), told]


class RecordedHook(_CallHook):
    """A caller has left a message; later, what is said in it."""

    path = f"{PATH}{RECORDED}"

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """The call, with where the message is."""
        form = self.form(incoming)
        url = required(form, "RecordingUrl")
        if not url.startswith("https://"):
            raise Malformed("RecordingUrl is no link")
        told = _told(
            form,
            incoming,
            account,
            recording_url=f"{url}.mp3",
            recording_ms=_ms(form, "RecordingDuration"),
            transcript=_transcript(form),
            answer=document(HANG_UP),
        )
        return [_message(form, incoming, account), told]


def _received(incoming: Incoming, account: Account) -> str:
    """What is done with a call that rings."""
    setting = account.settings.get
    greeting, number = say(setting("voice_greeting", ""), account.language), ""
    if setting("voice_forward_to"):
        action = _beside(incoming, "", FORWARDED)
        seconds = _ring_seconds(setting("voice_ring_seconds", ""))
        number = dial(setting("voice_forward_to", ""), action=action, ring_seconds=seconds)
        return document(greeting, number)
    mailbox = _mailbox(incoming, account, "")
    if not greeting and not mailbox:
        return document(REJECT)
    return document(greeting, *mailbox, HANG_UP)


def _mailbox(incoming: Incoming, account: Account, here: str) -> list[str]:
    """Ask for a message and record it; nothing if the account takes none."""
    asked = account.settings.get("voice_mailbox", "")
    if not asked:
        return []
    recorded = _beside(incoming, here, RECORDED)
    wants_text = account.says(VOICE_TRANSCRIBE)
    taken = record(action=recorded, transcribed_to=recorded if wants_text else "")
    return [say(asked, account.language), taken]


def _beside(incoming: Incoming, here: str, there: str) -> str:
    """The public address of another hook of the same account."""
    url = incoming.url.partition("?")[0]
    return url.removesuffix(here) + there


def _ring_seconds(given: str) -> int:
    fits = given.isdecimal() and 0 < int(given[:6]) <= RING_SECONDS_MAX
    return int(given) if fits else RING_SECONDS


def _message(form: Mapping[str, str], incoming: Incoming, account: Account) -> Item:
    """The call as a message; however often it is told, it is one."""
    return arrived(
        account,
        incoming,
        sender=_caller(form),
        provider_id=required(form, "CallSid"),
        content=Content(RINGING_TEXT),
        at_ms=_at_ms(form, incoming),
        from_name=storable(form.get("CallerName", "")),
    )


def _told(
    form: Mapping[str, str],
    incoming: Incoming,
    account: Account,
    *,
    answer: str = "",
    forwarding: Forwarding | None = None,
    talk_ms: int = 0,
    recording_url: str = "",
    recording_ms: int = 0,
    transcript: str = "",
) -> Called:
    """What a request says of its call."""
    sid, caller = required(form, "CallSid"), _caller(form)
    state = _STATES.get(form.get("CallStatus", "").lower(), CallState.RINGING)
    call = Call(
        message_id=inbound_message_id(account.account_id, sid),
        account_id=account.account_id,
        provider_call_id=sid,
        state=state,
        forwarding=forwarding,
        duration_ms=_ms(form, "CallDuration") if state in ENDED else 0,
        talk_ms=talk_ms,
        recording_url=recording_url,
        recording_ms=recording_ms,
        transcript=transcript,
    )
    home = home_id(account.tenant_id, account.channel, caller)
    note = NoteCall(account.tenant_id, home, call, _at_ms(form, incoming))
    return Called(note, caller, account.address, answer)


def _caller(form: Mapping[str, str]) -> str:
    """Who calls: a number, an address of a program, or nobody who could be known again."""
    given = required(form, "From").strip()
    if given.lower().startswith(REACHES):
        return normalise(Medium.API, given)
    try:
        number = normalise(Medium.VOICE, given)
    except BadAddress:
        number = ""
    return number if number and number not in HIDDEN else f"hidden/{required(form, 'CallSid')}"


def _transcript(form: Mapping[str, str]) -> str:
    return storable(form.get("TranscriptionText", ""))[:TEXT_CHARACTERS_MAX]


def _at_ms(form: Mapping[str, str], incoming: Incoming) -> int:
    """When it happened, where Twilio says: status callbacks have a time as RFC 2822 writes it."""
    try:
        told = parsedate_to_datetime(form.get("Timestamp", ""))
        return min(int(told.timestamp()) * 1000, incoming.now_ms)
    except (ValueError, OverflowError):
        return incoming.now_ms


def _ms(form: Mapping[str, str], name: str) -> int:
    """A duration, which Twilio tells in whole seconds; 0 where it tells none."""
    seconds = form.get(name, "")
    fits = seconds.isdecimal() and len(seconds) <= len(str(SECONDS_MAX))
    return int(seconds) * 1000 if fits else 0


CHANNEL = Channel(
    PROVIDER,
    media=frozenset({Medium.VOICE}),
    hooks=(RingingHook(), StatusHook(), ForwardedHook(), RecordedHook()),
    media_source=TwilioRecordings,
)
