"""What holds for delivery under every order of reports, receipts, timers and restarts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.delivery.commands import (
    Answer,
    Command,
    Contact,
    Deliver,
    NoteReceipt,
    ReportAttempt,
    ReportLookup,
    Sighting,
    Wake,
    WakeAccount,
)
from services.intake.core.delivery.decide import decide
from services.intake.core.delivery.events import Attempted, Event, Settled, Shut
from services.intake.core.delivery.evolve import evolve, lanes_of
from services.intake.core.delivery.model import Lanes, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from tests.unit.intake.given import NOON_MS, dispatch

POLICY = DeliveryPolicy(calls_per_account_max=2, attempts_max=2, failures_max=2)
ids = st.integers(0, 5).map(lambda number: f"d-{number}")


def deliver(message_id: str) -> Command:
    """Six messages over two accounts and four lanes, the same each time they are named."""
    number = int(message_id.removeprefix("d-"))
    account_id, home = f"a-{number % 2}", f"h-{number % 4}"
    return Deliver(dispatch(message_id, account_id=account_id, home=home, position=number))


NOW = 0
"""In the place of a number: of the attempt, or look-up, that the message has come to."""
reports = st.builds(
    ReportAttempt,
    ids,
    st.sampled_from((NOW, NOW, NOW, 1, 2)),
    st.sampled_from(Answer),
    st.just("SM"),
    retry_after_ms=st.sampled_from((0, 0, 30_000)),
    contact=st.sampled_from((*Contact, None)),
)
failures = st.builds(
    ReportAttempt,
    ids,
    st.just(NOW),
    st.sampled_from((Answer.NOT_ACCEPTED, Answer.NOT_ACCEPTED, Answer.REPEATABLE)),
    contact=st.sampled_from((*Contact, Contact.UNREACHABLE, None)),
)
wakes = st.one_of(st.builds(Wake, ids), st.builds(WakeAccount, st.sampled_from(("a-0", "a-1"))))
commands = st.one_of(
    st.builds(deliver, ids),
    reports,
    failures,
    st.builds(
        ReportLookup,
        ids,
        st.sampled_from((NOW, NOW, 1, 4)),
        st.sampled_from(Sighting),
        st.just("SM"),
    ),
    st.builds(NoteReceipt, ids, st.just("SM")),
    wakes,
)
History = list[tuple[Command, int]]
passed = st.one_of(st.integers(0, 2_000), st.integers(0, 200_000))
quiet = st.lists(st.tuples(commands, passed), max_size=40)
ALL: History = [(deliver(f"d-{number}"), 0) for number in range(6)]
outages = st.lists(
    st.tuples(st.one_of(failures, failures, wakes, wakes, reports), st.integers(0, 20_000)),
    min_size=12,
    max_size=28,
).map(lambda rest: ALL + rest)
"""Everybody waits, little is accepted, and time passes as a gate has it."""
histories = st.one_of(quiet, outages)


@dataclass(frozen=True)
class Step:
    """One command, and what it did."""

    before: Lanes
    command: Command
    now_ms: int
    events: tuple[Event, ...]
    after: Lanes


def steps(history: History) -> Iterator[Step]:
    """A history in which nobody delivers a message twice, as the engine sees to."""
    lanes, now_ms = Lanes(), NOON_MS
    delivered: set[str] = set()
    for asked, passed_ms in history:
        command, now_ms = about(lanes, asked), now_ms + passed_ms
        if isinstance(command, Deliver):
            if command.dispatch.message_id in delivered:
                continue
            position = len(delivered)  # in the log: its offset
            command = Deliver(replace(command.dispatch, position=position))
            delivered.add(command.dispatch.message_id)
        events = decide(lanes, command, now_ms=now_ms, policy=POLICY)
        before, lanes = lanes, reduce(evolve, events, lanes)
        yield Step(before, command, now_ms, events, lanes)


def about(lanes: Lanes, command: Command) -> Command:
    """The command with the numbers that its message has come to."""
    if isinstance(command, ReportAttempt | ReportLookup):
        held = lanes.dispatches.get(command.message_id)
        if held is not None and isinstance(command, ReportAttempt) and command.attempt == NOW:
            return replace(command, attempt=held.attempts)
        if held is not None and isinstance(command, ReportLookup) and command.lookup == NOW:
            return replace(command, lookup=held.lookups)
    return command


def end_of(history: History) -> tuple[Lanes, int]:
    """Where a history leads, and when that is."""
    lanes, now_ms = Lanes(), NOON_MS
    for step in steps(history):
        lanes, now_ms = step.after, step.now_ms
    return lanes, now_ms


@given(histories, commands)
def test_repeating_a_command_yields_nothing(history: History, command: Command) -> None:
    lanes, now_ms = end_of(history)
    command = about(lanes, command)
    events = decide(lanes, command, now_ms=now_ms, policy=POLICY)
    after = reduce(evolve, events, lanes)
    settled_at_once = any(isinstance(event, Settled) for event in events)
    if not (isinstance(command, Deliver) and settled_at_once):
        assert decide(after, command, now_ms=now_ms, policy=POLICY) == ()


@given(histories)
def test_no_second_call_unless_the_first_was_certainly_in_vain_or_may_be_repeated(
    history: History,
) -> None:
    for step in steps(history):
        for event in step.events:
            if isinstance(event, Attempted) and event.attempt > 1:
                assert step.before.dispatches[event.message_id].phase is Phase.WAITING


@given(histories)
def test_one_call_at_a_time_in_a_lane_and_few_in_an_account(history: History) -> None:
    lanes, _ = end_of(history)
    calling = [held for held in lanes.dispatches.values() if held.is_calling]
    assert all(lanes.head(held.lane) == held for held in calling)
    assert max(Counter(held.lane for held in calling).values(), default=0) <= 1
    counted = Counter(held.account_id for held in calling)
    assert all(count <= POLICY.calls_per_account_max for count in counted.values())
    accounts = {*lanes.attempting, *lanes.asking}
    assert counted == Counter({key: n for key in accounts if (n := lanes.calling(key))})


@given(histories)
def test_nobody_waits_beside_a_free_place(history: History) -> None:
    lanes, _ = end_of(history)
    for account_id in {*lanes.ready, *lanes.doubtful}:
        full = lanes.calling(account_id) == POLICY.calls_per_account_max
        assert full or not lanes.doubtful.get(account_id)
        gate = lanes.gates.get(account_id)
        held = gate is not None and (
            gate.is_shut or (gate.is_ajar and lanes.attempting[account_id] > 0)
        )
        assert full or held or not lanes.ready.get(account_id)
    heads = [head for lane in lanes.queues if (head := lanes.head(lane)) is not None]
    for phase, listed in ((Phase.WAITING, lanes.ready), (Phase.IN_DOUBT, lanes.doubtful)):
        wanting = {head.lane for head in heads if head.wants_call and head.phase is phase}
        assert wanting == {lane for each in listed.values() for lane in each}


@given(histories)
def test_an_account_whose_gate_is_shut_attempts_nothing_and_ajar_one_at_a_time(
    history: History,
) -> None:
    for step in steps(history):
        lanes = step.before
        for event in step.events:
            if isinstance(event, Attempted):
                account_id = lanes.dispatches[event.message_id].account_id
                gate = lanes.gates.get(account_id)
                if gate is not None:
                    assert not gate.is_shut
                    assert not gate.is_ajar or lanes.attempting.get(account_id, 0) == 0
            lanes = evolve(lanes, event)


@given(histories)
def test_every_gate_that_is_shut_has_a_time_and_stands_ajar_after_it(history: History) -> None:
    for step in steps(history):
        for event in step.events:
            if isinstance(event, Shut):
                pause_ms = event.until_ms - step.now_ms
                assert POLICY.throttled_first_ms <= pause_ms <= 1.5 * POLICY.shut_most_ms
    lanes, now_ms = end_of(history)
    for account_id, gate in lanes.gates.items():
        if gate.is_shut:
            later_ms = max(now_ms, gate.until_ms)
            events = decide(lanes, WakeAccount(account_id), now_ms=later_ms, policy=POLICY)
            assert reduce(evolve, events, lanes).gates[account_id].is_ajar


@given(histories)
def test_a_message_is_given_up_once_its_own_tries_are_spent_and_not_before(
    history: History,
) -> None:
    own: Counter[str] = Counter()  # reports that speak against a message
    for step in steps(history):
        said = step.command
        if not isinstance(said, ReportAttempt):
            continue
        held = step.before.dispatches.get(said.message_id)
        if held is None or held.phase is Phase.UNCERTAIN or said.attempt != held.attempts:
            continue
        gave_up = [
            event
            for event in step.events
            if isinstance(event, Settled) and event.reason.startswith("gave_up")
        ]
        gate = step.after.gates.get(held.account_id)
        outage = said.contact is Contact.UNREACHABLE and gate is not None and gate.times > 0
        own[held.message_id] += not (
            outage or said.contact in {Contact.THROTTLED, Contact.NOT_CALLED}
        )
        assert not gave_up or own[held.message_id] >= POLICY.attempts_max


@given(histories)
def test_what_may_have_been_sent_is_never_called_failed(history: History) -> None:
    maybe: set[str] = set()
    for step in steps(history):
        said = step.command
        if isinstance(said, ReportAttempt) and said.answer is Answer.REPEATABLE:
            held = step.before.dispatches.get(said.message_id)
            if held and held.phase is Phase.ATTEMPTING and held.attempts == said.attempt:
                maybe.add(said.message_id)
        failed = {
            event.message_id
            for event in step.events
            if isinstance(event, Settled) and event.phase is Phase.FAILED
        }
        assert not failed & maybe


@given(histories)
def test_only_doubt_may_be_settled_twice(history: History) -> None:
    ends: dict[str, list[Phase]] = {}
    for step in steps(history):
        for event in step.events:
            if isinstance(event, Settled):
                ends.setdefault(event.message_id, []).append(event.phase)
    for phases in ends.values():
        assert len(phases) == 1 or (len(phases) == 2 and phases[0] is Phase.UNCERTAIN)


@given(histories)
def test_a_restart_changes_nothing(history: History) -> None:
    lanes, _ = end_of(history)
    again = lanes_of(lanes.dispatches.values(), lanes.gates.values())
    assert (again.dispatches, again.gates) == (lanes.dispatches, lanes.gates)
    for kept, stored in ((lanes.attempting, again.attempting), (lanes.asking, again.asking)):
        assert {key: n for key, n in stored.items() if n} == {k: n for k, n in kept.items() if n}
    for held, listed in ((lanes.ready, again.ready), (lanes.doubtful, again.doubtful)):
        assert {key: set(each) for key, each in listed.items() if each} == {
            key: set(each) for key, each in held.items() if each
        }
