"""What holds for delivery under every order of reports, receipts, timers and restarts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.delivery.commands import (
    Answer,
    Command,
    Deliver,
    NoteReceipt,
    ReportAttempt,
    ReportLookup,
    Sighting,
    Wake,
)
from services.intake.core.delivery.decide import decide
from services.intake.core.delivery.events import Attempted, Event, Settled
from services.intake.core.delivery.evolve import evolve, lanes_of
from services.intake.core.delivery.model import Lanes, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from tests.unit.intake.given import NOON_MS, dispatch

POLICY = DeliveryPolicy(calls_per_account_max=2, attempts_max=3)
ids = st.integers(0, 5).map(lambda number: f"d-{number}")


def deliver(message_id: str) -> Command:
    """Six messages over two accounts and four lanes, the same each time they are named."""
    number = int(message_id.removeprefix("d-"))
    account_id, home = f"a-{number % 2}", f"h-{number % 4}"
    return Deliver(dispatch(message_id, account_id=account_id, home=home, position=number))


commands = st.one_of(
    st.builds(deliver, ids),
    st.builds(ReportAttempt, ids, st.integers(1, 3), st.sampled_from(Answer), st.just("SM")),
    st.builds(ReportLookup, ids, st.integers(1, 4), st.sampled_from(Sighting), st.just("SM")),
    st.builds(NoteReceipt, ids, st.just("SM")),
    st.builds(Wake, ids),
)
histories = st.lists(st.tuples(commands, st.integers(0, 200_000)), max_size=40)


def play(history: list[tuple[Command, int]]) -> tuple[Lanes, int, list[Event]]:
    """The end of a history in which nobody delivers a message twice, as the engine sees to."""
    lanes, now_ms = Lanes(), NOON_MS
    told: list[Event] = []
    delivered: set[str] = set()
    for given_command, passed_ms in history:
        command, now_ms = given_command, now_ms + passed_ms
        if isinstance(command, Deliver):
            if command.dispatch.message_id in delivered:
                continue
            position = len(delivered)  # in the log: its offset
            command = Deliver(replace(command.dispatch, position=position))
            delivered.add(command.dispatch.message_id)
        events = decide(lanes, command, now_ms=now_ms, policy=POLICY)
        lanes = reduce(evolve, events, lanes)
        told += events
    return lanes, now_ms, told


@given(histories, commands)
def test_repeating_a_command_yields_nothing(
    history: list[tuple[Command, int]], command: Command
) -> None:
    lanes, now_ms, _ = play(history)
    events = decide(lanes, command, now_ms=now_ms, policy=POLICY)
    after = reduce(evolve, events, lanes)
    settled_at_once = any(isinstance(event, Settled) for event in events)
    if not (isinstance(command, Deliver) and settled_at_once):
        assert decide(after, command, now_ms=now_ms, policy=POLICY) == ()


@given(histories)
def test_no_second_call_unless_the_first_was_certainly_in_vain(
    history: list[tuple[Command, int]],
) -> None:
    lanes, now_ms = Lanes(), NOON_MS
    for command, passed_ms in history:
        now_ms += passed_ms
        before = dict(lanes.dispatches)
        events = decide(lanes, command, now_ms=now_ms, policy=POLICY)
        lanes = reduce(evolve, events, lanes)
        for event in events:
            if isinstance(event, Attempted) and event.attempt > 1:
                assert before[event.message_id].phase is Phase.WAITING


@given(histories)
def test_one_call_at_a_time_in_a_lane_and_few_in_an_account(
    history: list[tuple[Command, int]],
) -> None:
    lanes, _, _ = play(history)
    calling = [held for held in lanes.dispatches.values() if held.is_calling]
    assert all(lanes.head(held.lane) == held for held in calling)
    assert max(Counter(held.lane for held in calling).values(), default=0) <= 1
    counted = Counter(held.account_id for held in calling)
    assert all(count <= POLICY.calls_per_account_max for count in counted.values())
    assert counted == Counter({key: n for key, n in lanes.calling.items() if n})


@given(histories)
def test_nobody_waits_beside_a_free_place(history: list[tuple[Command, int]]) -> None:
    lanes, _, _ = play(history)
    for account_id, ready in lanes.ready.items():
        assert not ready or lanes.calling[account_id] == POLICY.calls_per_account_max
    heads = [lanes.head(lane) for lane in lanes.queues]
    wanting = {head.lane for head in heads if head is not None and head.wants_call}
    assert wanting == {lane for ready in lanes.ready.values() for lane in ready}


@given(histories)
def test_only_doubt_may_be_settled_twice(history: list[tuple[Command, int]]) -> None:
    ends: dict[str, list[Phase]] = {}
    for event in play(history)[2]:
        if isinstance(event, Settled):
            ends.setdefault(event.message_id, []).append(event.phase)
    for phases in ends.values():
        assert len(phases) == 1 or (len(phases) == 2 and phases[0] is Phase.UNCERTAIN)


@given(histories)
def test_a_restart_changes_nothing(history: list[tuple[Command, int]]) -> None:
    lanes, _, _ = play(history)
    again = lanes_of(lanes.dispatches.values())
    assert again.dispatches == lanes.dispatches
    assert {key: n for key, n in again.calling.items() if n} == {
        key: n for key, n in lanes.calling.items() if n
    }
    assert {key: set(ready) for key, ready in again.ready.items() if ready} == {
        key: set(ready) for key, ready in lanes.ready.items() if ready
    }
