"""Decides who writes next: about three messages a conversation, a fifth by new customers."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from local.demo.people import Person

MESSAGES = (2, 3, 4)
MESSAGE_WEIGHTS = (25, 50, 25)
NEW_SHARE = 0.2
PAUSE_S = (0.8, 4.0)
"""How long a customer waits before writing again."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message to send."""

    person: Person
    text: str
    turn: int


@dataclass(slots=True)
class Script:
    """The flow of messages. `known` are customers we have had before; they come again in turn."""

    random: Random
    strangers: Iterator[Person]
    known: list[Person]
    _waiting: list[tuple[float, int, Person, int, int]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _next_known: int = 0

    def next(self, at_s: float) -> Utterance:
        """Give the message of this moment: somebody who is due, else a new conversation."""
        if self._waiting and self._waiting[0][0] <= at_s:
            _, _, person, turn, last = heapq.heappop(self._waiting)
        else:
            person, turn = self._opener(), 0
            last = self.random.choices(MESSAGES, MESSAGE_WEIGHTS)[0] - 1
        if turn < last:
            due_s = at_s + self.random.uniform(*PAUSE_S)
            heapq.heappush(self._waiting, (due_s, next(self._numbers), person, turn + 1, last))
        return Utterance(person, person.says(turn), turn)

    def _opener(self) -> Person:
        if not self.known or self.random.random() < NEW_SHARE:
            return next(self.strangers)
        person = self.known[self._next_known % len(self.known)]
        self._next_known += 1
        return person


def known_wanted(*, messages: int) -> int:
    """Give how many known customers a run needs, so that each has one conversation."""
    mean = sum(n * w for n, w in zip(MESSAGES, MESSAGE_WEIGHTS, strict=True)) / sum(MESSAGE_WEIGHTS)
    return round(messages / mean * (1 - NEW_SHARE))
