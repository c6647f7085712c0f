"""Who writes, what, and in which language; drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, cycle
from random import Random

from local.demo import canaries

TIERS = ("BASIC", "EXPECTED", "EXCELLENT", "INSPIRING")
TIER_WEIGHTS = (50, 30, 15, 5)
TEXTS = {
    "en": ("Hello, my order has not arrived.", "Any news?", "Thank you, that helps."),
    "de": ("Guten Tag, meine Rechnung stimmt nicht.", "Gibt es etwas Neues?", "Danke schön!"),
    "fr": ("Bonjour, je n'arrive pas à me connecter.", "Des nouvelles ?", "Merci beaucoup !"),
    "es": ("Hola, quiero cambiar mi cita.", "¿Alguna novedad?", "Muchas gracias."),
    "it": ("Buongiorno, il pacco è arrivato rotto.", "Ci sono novità?", "Grazie mille."),
    "pt": ("Olá, o meu cartão foi recusado.", "Há novidades?", "Muito obrigado."),
    "ja": ("こんにちは、注文が届きません。", "その後いかがですか。", "ありがとうございます。"),
    "ar": ("مرحبا، لم يصل طلبي بعد.", "هل من جديد؟", "شكرا جزيلا."),
}
LANGUAGES = tuple(TEXTS)
ANSWERS = {
    "en": "We are on it and will write again shortly.",
    "de": "Wir kümmern uns darum und melden uns gleich.",
    "fr": "Nous nous en occupons et revenons vers vous.",
    "es": "Nos ocupamos de ello y le escribimos enseguida.",
    "it": "Ce ne occupiamo e le scriviamo a breve.",
    "pt": "Estamos a tratar disso e já voltamos a escrever.",
    "ja": "担当者が確認し、すぐにご連絡いたします。",
    "ar": "نعمل على ذلك وسنكتب لكم قريبا.",
}
FICTIONAL_AREA = "+1555"
"""Area code 555 belongs to nobody, so no message can ever reach a real handset."""


class Door(StrEnum):
    """How a customer reaches us: a provider's name, the form, or another program."""

    TWILIO = "twilio"
    WHATSAPP = "whatsapp"
    MESSENGER = "messenger"
    TELEGRAM = "telegram"
    LINE = "line"
    SLACK = "slack"
    FORM = "form"
    GRPC = "grpc"

    @property
    def channel(self) -> str:
        """The channel that customers of this door write on."""
        return {Door.TWILIO: "sms", Door.GRPC: "api"}.get(self, self.value)


WEIGHTS: Mapping[Door, int] = {
    Door.TWILIO: 50,
    Door.WHATSAPP: 15,
    Door.MESSENGER: 7,
    Door.TELEGRAM: 7,
    Door.LINE: 6,
    Door.SLACK: 5,
    Door.FORM: 5,
    Door.GRPC: 5,
}
"""How many of a hundred customers come through each door."""
DOORS = tuple(WEIGHTS)
BY_NUMBER = (Door.TWILIO, Door.WHATSAPP)
"""Doors of providers that know people by their telephone numbers."""


@dataclass(frozen=True, slots=True)
class Person:
    """One customer of the demo."""

    address: str
    tier: str
    language: str
    door: Door
    secret: str = ""
    """A planted text that the first message carries; empty for nearly everybody."""

    def says(self, turn: int) -> str:
        """Give the customer's words at a turn of the conversation, from 0 up."""
        words = TEXTS[self.language]
        text = words[min(turn, len(words) - 1)]
        return f"{text} {self.secret}".strip() if turn == 0 else text


def strangers(random: Random, doors: Sequence[Door] = DOORS) -> Iterator[Person]:
    """Give people without end, no address twice, the planted ones first."""
    numbers = iter(random.sample(range(2_000_000, 7_000_000), 200_000))
    planted = [*_with_planted_address(random, doors), *_with_planted_text(random, doors, numbers)]
    return chain(planted, (_stranger(random, doors, number) for number in numbers))


def planted_at(doors: Collection[Door]) -> int:
    """Give how many people are planted: addresses only where somebody is known by a number."""
    addresses = canaries.ADDRESSES if set(BY_NUMBER) & set(doors) else ()
    return len(addresses) + len(canaries.TEXTS)


def address_at(door: Door, number: int) -> str:
    """Give the address of a person, who is a number of seven digits, in the form of a door."""
    match door:
        case Door.TWILIO | Door.WHATSAPP | Door.GRPC:
            return f"{FICTIONAL_AREA}{number}"
        case Door.FORM:
            return f"customer1555{number}@example.org"
        case Door.MESSENGER:
            return f"2400000{number:0>10}"
        case Door.TELEGRAM:
            return f"555{number}"
        case Door.LINE:
            return f"U{hashlib.sha256(str(number).encode()).hexdigest()[:32]}"
        case Door.SLACK:
            return f"U0{number}"


def _with_planted_address(random: Random, doors: Sequence[Door]) -> Iterator[Person]:
    chosen = [door for door in BY_NUMBER if door in doors]
    for address, door in zip(canaries.ADDRESSES, cycle(chosen), strict=False):
        yield Person(address, TIERS[0], random.choice(LANGUAGES), door)


def _with_planted_text(
    random: Random, doors: Sequence[Door], numbers: Iterator[int]
) -> Iterator[Person]:
    for text, door in zip(canaries.TEXTS, cycle(doors), strict=False):
        language = random.choice(LANGUAGES)
        yield Person(address_at(door, next(numbers)), TIERS[0], language, door, text)


def _stranger(random: Random, doors: Sequence[Door], number: int) -> Person:
    door = random.choices(doors, [WEIGHTS[each] for each in doors])[0]
    tier = random.choices(TIERS, TIER_WEIGHTS)[0]
    return Person(address_at(door, number), tier, random.choice(LANGUAGES), door)
