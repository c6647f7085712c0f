"""Commands and their outcomes: asked for all at once, through a database that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import cast

import pytest
from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.bus import commands
from services.chassis.bus.commands import CommandBus, OutcomeUnknown
from services.chassis.bus.effects import Answered
from services.chassis.bus.fates import StoreUnavailable
from services.chassis.bus.kafka import EdgeProducer
from tests.support.counter import Count
from tests.support.waiting import until

COMMANDS = 50
PATIENCE_S = 30.0


class Outcomes:
    """The rows that other processes have committed; notes what it is asked for."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.asked: list[list[str]] = []
        self.away = 0  # questions that find nobody

    async def outcomes(self, request_keys: Collection[str]) -> Mapping[str, bytes]:
        self.asked.append(list(request_keys))
        if len(request_keys) > 1 and self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        return {key: self.rows[key] for key in request_keys if key in self.rows}


class Mailbox:
    """Takes commands; an owner elsewhere answers the lot once `full` have come."""

    def __init__(self, outcomes: Outcomes, *, full: int) -> None:
        self._outcomes = outcomes
        self._full = full
        self.taken: list[str] = []

    async def publish(self, topic: str, key: bytes, *_: object, **__: object) -> None:
        self.taken.append(key.decode())
        if len(self.taken) == self._full:
            for name in self.taken:
                self._outcomes.rows[name] = outcome(name).SerializeToString()


def outcome(key: str) -> CommandOutcome:
    return CommandOutcome(request_key=key, accepted=True)


def bus_on(outcomes: Outcomes, mailbox: Mailbox) -> CommandBus:
    return CommandBus(cast("EdgeProducer", mailbox), outcomes, source="test")


async def submit(bus: CommandBus, key: str, timeout_s: float = PATIENCE_S) -> CommandOutcome:
    return await bus.submit("inputs", key, Count(), request_key=key, timeout_s=timeout_s)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_SECONDS", 0.0)


async def test_one_question_finds_the_answers_to_all_who_wait() -> None:
    outcomes = Outcomes()
    outcomes.away = 3
    bus = bus_on(outcomes, Mailbox(outcomes, full=COMMANDS))
    keys = [f"request-{number}" for number in range(COMMANDS)]
    found = await asyncio.gather(*(submit(bus, key) for key in keys))
    assert [each.request_key for each in found] == keys
    assert outcomes.away == 0
    assert [sorted(asked) for asked in outcomes.asked if len(asked) > 1][-1] == sorted(keys)


async def test_who_asks_twice_at_once_gets_the_answer_of_this_process_twice() -> None:
    outcomes = Outcomes()
    mailbox = Mailbox(outcomes, full=3)  # nobody else answers
    bus = bus_on(outcomes, mailbox)
    twice = [asyncio.create_task(submit(bus, "request")) for _ in range(2)]
    await until(lambda: len(mailbox.taken) == len(twice), what="both are in the mailbox")
    bus.hear(Answered("request", outcome("request")))
    assert await asyncio.gather(*twice) == [outcome("request")] * 2


async def test_what_was_answered_before_is_not_asked_again() -> None:
    outcomes = Outcomes()
    mailbox = Mailbox(outcomes, full=1)
    bus = bus_on(outcomes, mailbox)
    first = await submit(bus, "request")
    assert await submit(bus, "request") == first
    assert mailbox.taken == ["request"]


async def test_an_outcome_that_does_not_come_is_unknown() -> None:
    outcomes = Outcomes()
    bus = bus_on(outcomes, Mailbox(outcomes, full=2))
    with pytest.raises(OutcomeUnknown):
        await submit(bus, "request", timeout_s=0.01)
