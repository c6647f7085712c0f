"""Addresses in one form each: whoever writes twice from the same address is the same customer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import phonenumbers

from services.intake.core.model import Channel

ADDRESS_CHARACTERS_MAX: Final = 320
TELEPHONE: Final = frozenset({Channel.SMS, Channel.VOICE, Channel.WHATSAPP})
_BUSINESS_SCOPED: Final = re.compile(r"[A-Z]{2}\.(ENT\.)?[0-9]{5,30}")
_SHORT_CODE: Final = re.compile(r"[0-9]{3,8}")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_COUNTRY_DIGITS: Final = range(1, 4)
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
    if _SHORT_CODE.fullmatch(text) or _is_e164(text):
        return text
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise BadAddress("not a telephone number") from None
    if not phonenumbers.is_possible_number(number):
        raise BadAddress("not a possible telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _is_e164(text: str) -> bool:
    """Whether a number is possible and in its one form already, as providers write it.

    What `phonenumbers` says to it too, at a tenth of the time. False where that has to be asked.
    """
    if not _E164.fullmatch(text):
        return False
    for digits in _COUNTRY_DIGITS:  # no country's code begins with another's
        plan = _plan(int(text[1 : 1 + digits]))
        if plan is not None:
            return plan.has(text[1 + digits :])
    return False


@dataclass(frozen=True, slots=True)
class _Plan:
    """How long a country's numbers are, and what is dialled before them within the country."""

    lengths: frozenset[int]
    prefix: re.Pattern[str] | None

    def has(self, number: str) -> bool:
        """Whether a number without its country is one of the plan, and nothing comes before it."""
        return len(number) in self.lengths and not (self.prefix and self.prefix.match(number))


@cache
def _plan(country: int) -> _Plan | None:
    if country not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    region = phonenumbers.region_code_for_country_code(country)
    known = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(country, region)
    if known is None or known.general_desc is None:
        return None
    prefix = known.national_prefix_for_parsing
    lengths = frozenset(known.general_desc.possible_length)
    return _Plan(lengths, re.compile(prefix) if prefix else None)


def _mailbox(text: str) -> str:
    """Local parts are case-sensitive by RFC 5321 and nowhere in practice."""
    if not _MAILBOX.fullmatch(text):
        raise BadAddress("not a mailbox")
    return text.lower()
