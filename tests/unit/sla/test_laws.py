"""What holds of clocks whatever happens: order, repeats and lateness do not change them.

Invariant 7: any permutation and duplication of events by event time gives the same clocks. The
histories are random, event times collide on purpose, and log time fires timers between arrivals.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.core.commands import Command, Judge, Observe
from services.sla.core.decide import decide, next_look_ms
from services.sla.core.events import ClockCorrected, ClockStepped, ClockWarned
from services.sla.core.model import TERMINAL, ClockState, Conversation, Fact, FactKind, StepKind
from services.sla.core.policies import MINUTE_MS
from tests.unit.sla.story import POLICIES, Shard, essence, fact, told

END = 2_000
HISTORY = st.lists(
    st.builds(
        fact,
        at=st.integers(0, 400),
        kind=st.sampled_from(FactKind),
        sequence=st.integers(0, 3),
    ),
    max_size=12,
    unique_by=lambda happening: happening.fact_id,
)


def arrived(arrivals: list[tuple[Fact, int]]) -> Shard:
    """The shard after facts arrived at the given log times (minutes), and silence until END."""
    shard = Shard(conversation=Conversation("c", "default"), said=[])
    for happening, at in arrivals:
        shard.observe(happening, at_ms=at * MINUTE_MS)
    shard.pass_time(END * MINUTE_MS)
    return shard


@st.composite
def late_arrivals(draw: st.DrawFn) -> tuple[list[Fact], list[tuple[Fact, int]]]:
    """A history, and the same facts in another order, some twice, at growing log times."""
    history = draw(HISTORY)
    repeats = draw(st.lists(st.sampled_from(history), max_size=4)) if history else []
    order = draw(st.permutations(history + repeats))
    times = sorted(draw(st.lists(st.integers(0, END), min_size=len(order), max_size=len(order))))
    return history, list(zip(order, times, strict=True))


@settings(max_examples=300, deadline=None)
@given(late_arrivals())
def test_invariant_7_arrival_does_not_matter(
    case: tuple[list[Fact], list[tuple[Fact, int]]],
) -> None:
    history, arrivals = case
    in_order = told(sorted(history), until=END)
    assert essence(arrived(arrivals).conversation) == essence(in_order.conversation)


def in_order(history: list[Fact]) -> list[Fact]:
    """The history as its conversation tells it: numbered by event time."""
    return [replace(fact, sequence=place) for place, fact in enumerate(sorted(history))]


@settings(max_examples=300, deadline=None)
@given(HISTORY)
def test_facts_in_order_need_no_correction(history: list[Fact]) -> None:
    said = told(in_order(history), until=END).said
    assert not [event for event in said if isinstance(event, ClockCorrected)]


@settings(max_examples=300, deadline=None)
@given(late_arrivals())
def test_a_clock_is_warned_at_each_share_at_most_once(
    case: tuple[list[Fact], list[tuple[Fact, int]]],
) -> None:
    warned = Counter(
        (event.clock.key, event.percent)
        for event in arrived(case[1]).said
        if isinstance(event, ClockWarned)
    )
    assert not [key for key, times in warned.items() if times > 1]


@settings(max_examples=300, deadline=None)
@given(HISTORY)
def test_invariant_4_a_clock_ends_once(history: list[Fact]) -> None:
    shard = told(in_order(history), until=END)
    ends = Counter(
        event.clock.key
        for event in shard.said
        if isinstance(event, ClockStepped)
        and event.kind in {StepKind.MET, StepKind.BREACHED, StepKind.CANCELLED}
    )
    for item in shard.conversation.clocks:
        assert ends[item.key] == (1 if item.state in TERMINAL else 0)


@settings(max_examples=200, deadline=None)
@given(late_arrivals())
def test_a_clock_that_runs_has_a_timer_and_any_other_has_none(
    case: tuple[list[Fact], list[tuple[Fact, int]]],
) -> None:
    conversation = arrived(case[1]).conversation
    running = [item for item in conversation.clocks if item.state is ClockState.RUNNING]
    assert (next_look_ms(conversation) is not None) == bool(running)


@settings(max_examples=200, deadline=None)
@given(late_arrivals())
def test_saying_it_again_says_nothing(
    case: tuple[list[Fact], list[tuple[Fact, int]]],
) -> None:
    shard = arrived(case[1])
    commands: list[Command] = [Judge(), *(Observe(happening) for happening, _ in case[1])]
    for command in commands:
        assert decide(shard.conversation, command, shard.now_ms, POLICIES) == ()
