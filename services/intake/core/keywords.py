"""Words that a carrier acts on: STOP and START, in the languages that people write them in.

A message that is nothing but such a word is no question to us. The list is Twilio's default
keywords with the words that carriers of other countries use (CTIA messaging principles 5.1.3;
Twilio, "Support for Opt-Out Keywords (SMS STOP Filtering)"). HELP is not among them: somebody who
asks for help gets a person.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from services.intake.core.commands import ReceiveMessage
from services.intake.core.model import Automatic, Channel


class Keyword(StrEnum):
    """What the word asks for."""

    STOP = "STOP"
    START = "START"


_STOP: Final = (
    "stop stopall stop-all unsubscribe cancel end quit revoke optout opt-out arret arrêt stopp"
    " abmelden afmelden desuscribir baja alto parar cancelar annulla basta avsluta lopeta"
    " затримати стоп отписаться 停止 退订 배달중지 수신거부"
)
_START: Final = "start unstop optin opt-in yes-start anmelden aanmelden alta comenzar начать 開始"
_WORDS: Final = {
    **dict.fromkeys(_STOP.split(), Keyword.STOP),
    **dict.fromkeys(_START.split(), Keyword.START),
}
KEYWORD_CHARACTERS_MAX: Final = 24
_PUNCTUATION: Final = " \t\r\n.!?\"'*"


def keyword(channel: Channel, text: str) -> Keyword | None:
    """The keyword that a message is; None for every other, and on channels without carriers."""
    if channel is not Channel.SMS or len(text) > KEYWORD_CHARACTERS_MAX:
        return None
    return _WORDS.get(text.strip(_PUNCTUATION).casefold())


def heeded(command: ReceiveMessage) -> ReceiveMessage:
    """A keyword is answered by nobody: the carrier does, or has forbidden us to."""
    if keyword(command.channel, command.text) is None:
        return command
    return replace(command, automatic=Automatic.KEYWORD)
