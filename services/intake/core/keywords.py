"""Words that a carrier acts on: STOP, START and HELP, in the languages that people write them in.

A message that is nothing but such a word is no question to us. The list is Twilio's default
keywords with the words that carriers of other countries use (CTIA messaging principles 5.1.3;
Twilio, "Support for Opt-Out Keywords (SMS STOP Filtering)"). HELP is one only where the account has
an answer to it: elsewhere somebody who asks for help gets a person.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from services.intake.core.account import Account
from services.intake.core.commands import ReceiveMessage
from services.intake.core.model import Automatic, Channel


class Keyword(StrEnum):
    """What the word asks for."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"


_STOP: Final = (
    "stop stopall stop-all unsubscribe cancel end quit revoke optout opt-out arret arrêt stopp"
    " abmelden afmelden desuscribir baja alto parar cancelar annulla basta avsluta lopeta"
    " затримати стоп отписаться 停止 退订 배달중지 수신거부"
)
_START: Final = "start unstop optin opt-in yes-start anmelden aanmelden alta comenzar начать 開始"
_HELP: Final = (
    "help info aide ayuda ajuda aiuto hilfe hulp hjälp hjalp hjælp hjelp apua допомога помощь"
    " ヘルプ 帮助 幫助 도움말 도움"
)
_WORDS: Final = {
    **dict.fromkeys(_STOP.split(), Keyword.STOP),
    **dict.fromkeys(_START.split(), Keyword.START),
    **dict.fromkeys(_HELP.split(), Keyword.HELP),
}
KEYWORD_CHARACTERS_MAX: Final = 24
_PUNCTUATION: Final = " \t\r\n.!?\"'*"


def keyword(channel: Channel, text: str) -> Keyword | None:
    """The keyword that a message is; None for every other, and on channels without carriers."""
    if channel is not Channel.SMS or len(text) > KEYWORD_CHARACTERS_MAX:
        return None
    return _WORDS.get(text.strip(_PUNCTUATION).casefold())


def help_for(channel: Channel, text: str, account: Account) -> str:
    """What the account answers a text with, if that asks for help and nothing else."""
    return account.help_text if keyword(channel, text) is Keyword.HELP else ""


def heeded(command: ReceiveMessage) -> ReceiveMessage:
    """A keyword is answered by no person: the carrier does, or has forbidden it, or the account."""
    word = keyword(command.channel, command.text)
    if word is None or (word is Keyword.HELP and not asks_for_help(command)):
        return command
    return replace(command, automatic=Automatic.KEYWORD)


def asks_for_help(command: ReceiveMessage) -> bool:
    """Whether the account's answer to HELP is all that is wanted: a picture is for a person."""
    is_help = keyword(command.channel, command.text) is Keyword.HELP
    return is_help and bool(command.help_text) and not command.attachments
