"""What Twilio shall do with a call, in its markup.

https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

MEDIA_TYPE: Final = "text/xml"
RECORDED_SECONDS_MAX: Final = 300
SILENCE_SECONDS: Final = 5
TEXT_CHARACTERS_MAX: Final = 4_096  # of one <Say>

_LOCALES: Final = (
    # What every voice of Twilio's speaks; of a language, the first is for those who name no region.
    "en-US en-AU en-CA en-GB en-IN ca-ES da-DK de-DE es-ES es-MX fi-FI fr-FR fr-CA it-IT ja-JP"
    " ko-KR nb-NO nl-NL pl-PL pt-PT pt-BR ru-RU sv-SE zh-CN zh-HK zh-TW"
)
_BY_LANGUAGE: Final[Mapping[str, str]] = {
    **{each.partition("-")[0]: each for each in reversed(_LOCALES.split())},
    **{each.lower(): each for each in _LOCALES.split()},
}

HANG_UP: Final = "<Hangup/>"
REJECT: Final = '<Reject reason="busy"/>'


def document(*verbs: str) -> str:
    """The answer: verbs in the order in which they are done."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{"".join(verbs)}</Response>'


def say(text: str, language: str) -> str:
    """Read a text out; nothing where there is none. `language` is BCP 47, or empty.

    In a language that Twilio does not speak it is read as English: a call fails over a wrong one.
    """
    spoken = _shown(text[:TEXT_CHARACTERS_MAX])
    tag = language.lower()
    locale = _BY_LANGUAGE.get(tag) or _BY_LANGUAGE.get(tag.partition("-")[0], "")
    attribute = f' language="{locale}"' if locale else ""
    return f"<Say{attribute}>{spoken}</Say>" if spoken.strip() else ""


def dial(number: str, *, action: str, ring_seconds: int) -> str:
    """Connect with a number; what became of it is told to `action`."""
    return f'<Dial action="{_shown(action)}" timeout="{ring_seconds}">{_shown(number)}</Dial>'


def record(*, action: str, transcribed_to: str) -> str:
    """Take a voice message. Without an `action` Twilio would ask for this document again."""
    transcribe = f' transcribe="true" transcribeCallback="{_shown(transcribed_to)}"'
    return (
        f'<Record action="{_shown(action)}" maxLength="{RECORDED_SECONDS_MAX}"'
        f' timeout="{SILENCE_SECONDS}"{transcribe if transcribed_to else ""}/>'
    )


def _shown(text: str) -> str:
    """Text for XML 1.0, which has no control characters (section 2.2)."""
    return escape("".join(each for each in text if each.isprintable() or each in "\t\n"))
