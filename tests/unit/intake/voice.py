"""Calls as Twilio tells of them, for tests of the channel and of the threader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.intake.core.account import Account
from services.intake.core.model import Channel
from services.intake.shell.channels.protocol import Incoming
from tests.unit.intake.doors import PUBLIC_URL, account, signed

ACCOUNT = "voice-berlin"
PATH = f"/webhooks/twilio/{ACCOUNT}/voice"
URL = f"{PUBLIC_URL}{PATH}"
SID = "CA00000000000000000000000000000009"
RECORDING = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1"
RINGING = {
    "AccountSid": "ACdeadbeefdeadbeefdeadbeefdeadbeef",
    "ApiVersion": "2010-04-01",
    "CallSid": SID,
    "CallStatus": "ringing",
    "Called": "+4930555000",
    "Caller": "+4930901820",
    "Direction": "inbound",
    "From": "+4930901820",
    "To": "+4930555000",
}
ENDED = RINGING | {
    "CallStatus": "completed",
    "CallDuration": "93",
    "CallbackSource": "call-progress-events",
    "SequenceNumber": "0",
    "Timestamp": "Sun, 15 Jun 2025 15:06:35 +0000",
}
NOT_ANSWERED = RINGING | {"CallStatus": "in-progress", "DialCallStatus": "no-answer"}
ANSWERED = RINGING | {
    "CallStatus": "in-progress",
    "DialCallStatus": "completed",
    "DialCallDuration": "75",
    "DialCallSid": "CA7",
}
LEFT = RINGING | {
    "CallStatus": "completed",
    "Digits": "hangup",
    "RecordingDuration": "12",
    "RecordingSid": "RE1",
    "RecordingUrl": RECORDING,
}
READ = RINGING | {
    "CallStatus": "completed",
    "RecordingSid": "RE1",
    "RecordingUrl": RECORDING,
    "TranscriptionStatus": "completed",
    "TranscriptionText": "Please call me back.",
}
SETTINGS = {
    "voice_greeting": "Guten Tag",
    "voice_forward_to": "+4930555111",
    "voice_mailbox": "Nach dem Ton",
}


def line(**changes: Any) -> Account:
    """An account for calls; `changes` replace fields."""
    fields: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": Channel.VOICE,
        "provider": "twilio_voice",
        "settings": SETTINGS,
    }
    return account(**fields | changes)


def posted(form: Mapping[str, str], there: str = "") -> Incoming:
    """A form as Twilio posts it to one of the account's hooks, rightly signed."""
    return signed(form, path=f"{PATH}{there}")
