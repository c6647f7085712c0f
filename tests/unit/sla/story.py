"""Small histories of one conversation, told in minutes, and what the clocks make of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.sla.core.commands import Judge, Observe
from services.sla.core.decide import decide, next_look_ms
from services.sla.core.events import ClockCorrected, ClockStepped, ClockWarned, Event
from services.sla.core.evolve import evolve
from services.sla.core.model import Clock, Conversation, Fact, FactKind, Metric, Tier
from services.sla.core.policies import MINUTE_MS, Policy, PolicyTable

RESPONSE_TARGET = 60
RESOLUTION_TARGET = 120

POLICIES = PolicyTable(
    versions=(
        Policy(
            version=7,
            effective_from_ms=0,
            targets={
                tier: {
                    Metric.FIRST_RESPONSE: RESPONSE_TARGET * MINUTE_MS,
                    Metric.RESOLUTION: RESOLUTION_TARGET * MINUTE_MS,
                }
                for tier in Tier
            },
            warn_at_percent=(50, 75),
        ),
    )
)


def fact(at: float, kind: FactKind, sequence: int = 0) -> Fact:
    """A fact at minute `at`; facts of the same minute, kind and sequence are the same fact."""
    return Fact(
        occurred_at_ms=round(at * MINUTE_MS),
        sequence=sequence,
        fact_id=f"{kind}@{at}#{sequence}",
        kind=kind,
    )


@dataclass
class Shard:
    """One conversation with its timer, driven as the engine drives a shard: timers before input."""

    conversation: Conversation
    said: list[Event]
    now_ms: int = 0

    def observe(self, happening: Fact, *, at_ms: int | None = None) -> list[Event]:
        """The fact arrives at log time `at_ms`, or at its event time if that is later."""
        arrival_ms = happening.occurred_at_ms if at_ms is None else at_ms
        self.pass_time(max(self.now_ms, arrival_ms))
        return self._do(Observe(happening))

    def pass_time(self, until_ms: int) -> None:
        """Let log time come to `until_ms`, firing what is due on the way."""
        while (look_ms := next_look_ms(self.conversation)) is not None and look_ms <= until_ms:
            self.now_ms = max(self.now_ms, look_ms)
            assert self._do(Judge()), "a timer that says nothing would fire for ever"
        self.now_ms = max(self.now_ms, until_ms)

    def _do(self, command: Judge | Observe) -> list[Event]:
        events = decide(self.conversation, command, self.now_ms, POLICIES)
        for event in events:
            self.conversation = evolve(self.conversation, event)
        self.said += events
        return list(events)

    @property
    def spoken(self) -> list[str]:
        """What was announced, as `metric/cycle what @minute`."""
        return [line for line in map(_line, self.said) if line]


def told(facts: Iterable[Fact], *, until: float | None = None) -> Shard:
    """The shard after the facts arrived in this order, and time passed until minute `until`."""
    shard = Shard(conversation=Conversation("c", "default"), said=[])
    for happening in facts:
        shard.observe(happening)
    if until is not None:
        shard.pass_time(round(until * MINUTE_MS))
    return shard


def clock(shard: Shard, metric: Metric, cycle: int = 1) -> Clock:
    """The announced clock of that cycle."""
    found = shard.conversation.clock(metric, cycle)
    assert found is not None, f"no {metric} {cycle} among {shard.conversation.clocks}"
    return found


def essence(conversation: Conversation) -> Sequence[object]:
    """What the clocks are by their facts: without when a breach was noticed and who was warned."""
    return sorted(
        (item.course.metric, item.course.cycle, repr(item.course), item.steps)
        for item in conversation.clocks
        if not item.void
    )


def _line(event: Event) -> str:
    if isinstance(event, ClockWarned):
        return f"{_name(event.clock)} warned {event.percent} @{event.at_ms // MINUTE_MS}"
    if isinstance(event, ClockStepped):
        return f"{_name(event.clock)} {event.kind.lower()} @{event.at_ms // MINUTE_MS}"
    if isinstance(event, ClockCorrected):
        before, after = event.before.state.lower(), event.clock.state.lower()
        return f"{_name(event.clock)} corrected {before} -> {after}"
    return ""


def _name(item: Clock) -> str:
    return f"{item.course.metric.lower()}/{item.course.cycle}"
