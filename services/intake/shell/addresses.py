"""Addresses in one form each: whoever writes twice from the same address is the same customer."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import phonenumbers

from services.intake.core.model import Channel

ADDRESS_CHARACTERS_MAX: Final = 320
TELEPHONE: Final = frozenset({Channel.SMS, Channel.VOICE, Channel.WHATSAPP})
_BUSINESS_SCOPED: Final = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9]{5,30}")
_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}")
_MAILBOX: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


class BadAddress(ValueError):
    """Not an address of its channel. The text never holds the address."""


@lru_cache(maxsize=1024)
def normalise(channel: Channel, address: str, region: str | None = None) -> str:
    """The one form of an address. `region` (ISO 3166) helps with numbers that lack a country.

    Telephone numbers become E.164, mailboxes lower case; other ids stay as they are, among them
    those that WhatsApp gives to people who hide their number.
    Raises `BadAddress`.
    """
    text = address.strip()
    if not text or len(text) > ADDRESS_CHARACTERS_MAX or not text.isprintable():
        raise BadAddress("empty, too long or not printable")
    if channel is Channel.WHATSAPP and _BUSINESS_SCOPED.fullmatch(text):
        return text
    if channel in TELEPHONE:
        return _number(text, region)
    if channel in {Channel.EMAIL, Channel.FORM} and "@" in text:
        return _mailbox(text)
    if channel is Channel.EMAIL:
        raise BadAddress("not a mailbox")
    return _number(text, region) if channel is Channel.FORM else text


def _number(text: str, region: str | None) -> str:
    if _SHORT_CODE.fullmatch(text):
        return text
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise BadAddress("not a telephone number") from None
    if not phonenumbers.is_possible_number(number):
        raise BadAddress("not a possible telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _mailbox(text: str) -> str:
    """Local parts are case-sensitive by RFC 5321 and nowhere in practice."""
    if not _MAILBOX.fullmatch(text):
        raise BadAddress("not a mailbox")
    return text.lower()
