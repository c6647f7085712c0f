"""Who writes, what, and in which language; drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
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
    """How a customer reaches us."""

    TWILIO = "twilio"
    FORM = "form"
    GRPC = "grpc"


DOORS = (Door.TWILIO, Door.FORM, Door.GRPC)
DOOR_WEIGHTS = (90, 5, 5)


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


def strangers(random: Random) -> Iterator[Person]:
    """Give people without end, no address twice, the planted ones first."""
    numbers = random.sample(range(2_000_000, 7_000_000), 200_000)
    addresses = (f"{FICTIONAL_AREA}{number}" for number in numbers)
    planted = [_planted(random, address, "") for address in canaries.ADDRESSES]
    planted += [_planted(random, next(addresses), text) for text in canaries.TEXTS]
    return chain(planted, (_stranger(random, address) for address in addresses))


def _planted(random: Random, address: str, secret: str) -> Person:
    language = random.choice(LANGUAGES)
    return Person(address, TIERS[0], language, Door.TWILIO, secret)


def _stranger(random: Random, address: str) -> Person:
    door = random.choices(DOORS, DOOR_WEIGHTS)[0]
    tier = random.choices(TIERS, TIER_WEIGHTS)[0]
    if door is Door.FORM:
        address = f"customer{address.removeprefix('+')}@example.org"
    return Person(address, tier, random.choice(LANGUAGES), door)
