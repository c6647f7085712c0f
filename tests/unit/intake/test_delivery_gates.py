"""An account whose provider does not answer, or asks to wait. Examples."""

from __future__ import annotations

from functools import reduce

import pytest

from services.intake.core.delivery.commands import (
    Answer,
    Command,
    Contact,
    Deliver,
    ReportAttempt,
    ReportLookup,
    Sighting,
    Wake,
    WakeAccount,
)
from services.intake.core.delivery.decide import decide
from services.intake.core.delivery.events import (
    Attempted,
    Doubted,
    Event,
    LookedUp,
    Missed,
    Opened,
    Postponed,
    Settled,
    Shut,
    Unlatched,
)
from services.intake.core.delivery.evolve import evolve
from services.intake.core.delivery.model import Barrier, Gate, Lanes, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.model import Channel
from tests.unit.intake.given import ACCOUNT, HOUR_MS, NOON_MS, TENANT, dispatch

POLICY = DeliveryPolicy(calls_per_account_max=4)
DAY_MS = 24 * HOUR_MS


class Shard:
    """Lanes with a clock; `attempting` are those of the messages given as `d-<n>`."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.now_ms = NOON_MS

    def do(self, command: Command, *, after_ms: int = 0) -> tuple[Event, ...]:
        self.now_ms += after_ms
        events = decide(self.lanes, command, now_ms=self.now_ms, policy=POLICY)
        self.lanes = reduce(evolve, events, self.lanes)
        return events

    def deliver(self, *numbers: int, account_id: str = ACCOUNT) -> None:
        """Messages to one recipient each."""
        for number in numbers:
            said = dispatch(
                f"d-{number}", account_id=account_id, home=f"h-{number}", position=number
            )
            self.do(Deliver(said))

    def report(
        self,
        number: int,
        contact: Contact | None,
        answer: Answer = Answer.NOT_ACCEPTED,
        *,
        retry_after_ms: int = 0,
        after_ms: int = 0,
    ) -> tuple[Event, ...]:
        """The end of the attempt that is under way."""
        said = ReportAttempt(
            f"d-{number}",
            self.lanes.dispatches[f"d-{number}"].attempts,
            answer,
            reason="because",
            retry_after_ms=retry_after_ms,
            contact=contact,
            provider="twilio",
        )
        return self.do(said, after_ms=after_ms)

    @property
    def gate(self) -> Gate | None:
        return self.lanes.gates.get(ACCOUNT)

    @property
    def attempting(self) -> list[str]:
        held = self.lanes.dispatches.values()
        return sorted(each.message_id for each in held if each.phase is Phase.ATTEMPTING)

    def wait(self) -> tuple[Event, ...]:
        """Until the gate may be tried."""
        assert self.gate is not None
        return self.do(WakeAccount(ACCOUNT), after_ms=self.gate.until_ms - self.now_ms)


def away() -> Shard:
    """Three attempts in a row have reached nobody; three more messages wait behind them."""
    shard = Shard()
    shard.deliver(1, 2, 3, 4)
    for number in (1, 2, 3):
        shard.report(number, Contact.UNREACHABLE)
    shard.deliver(5, 6)
    return shard


def shut_in(events: tuple[Event, ...]) -> Shut:
    (shut,) = [event for event in events if isinstance(event, Shut)]
    return shut


def test_the_third_attempt_in_a_row_that_reaches_nobody_shuts_the_gate() -> None:
    shard = Shard()
    shard.deliver(1, 2, 3)
    missed, *_ = shard.report(1, Contact.UNREACHABLE)
    assert missed == Missed(ACCOUNT, TENANT, "twilio", failures=1, since_ms=NOON_MS)
    shard.report(2, Contact.UNREACHABLE)
    assert shard.gate is not None
    assert not shard.gate.is_shut
    shut = shut_in(shard.report(3, Contact.UNREACHABLE))
    assert (shut.barrier, shut.times, shut.provider) == (Barrier.UNREACHABLE, 1, "twilio")
    first_ms = POLICY.unreachable_first_ms
    assert first_ms <= shut.until_ms - shard.now_ms <= 1.5 * first_ms


@pytest.mark.parametrize("answer", [Answer.NOT_ACCEPTED, Answer.UNKNOWN, Answer.REPEATABLE])
def test_it_does_not_matter_what_became_of_the_messages(answer: Answer) -> None:
    shard = Shard()
    shard.deliver(1, 2, 3)
    for number in (1, 2, 3):
        shard.report(number, Contact.UNREACHABLE, answer)
    assert shard.gate is not None
    assert shard.gate.is_shut


def test_an_answer_in_between_forgets_the_failures() -> None:
    shard = Shard()
    shard.deliver(1, 2, 3, 4)
    shard.report(1, Contact.UNREACHABLE)
    shard.report(2, Contact.UNREACHABLE)
    assert Opened(ACCOUNT) in shard.report(3, Contact.ANSWERED, Answer.REFUSED)
    assert shard.gate is None
    shard.report(4, Contact.UNREACHABLE)
    assert shard.gate is not None
    assert shard.gate.failures == 1


def test_failures_that_lie_far_apart_are_no_outage() -> None:
    shard = Shard()
    shard.deliver(1, 2, 3)
    shard.report(1, Contact.UNREACHABLE)
    shard.report(2, Contact.UNREACHABLE)
    shard.report(3, Contact.UNREACHABLE, after_ms=POLICY.failures_window_ms)
    assert shard.gate == Gate(ACCOUNT, TENANT, "twilio", failures=1, since_ms=shard.now_ms)


@pytest.mark.parametrize("contact", [Contact.NOT_CALLED, None])
def test_what_says_nothing_of_the_provider_changes_no_gate(contact: Contact | None) -> None:
    shard = Shard()
    shard.deliver(1, 2, 3)
    for number in (1, 2, 3):
        shard.report(number, contact)
    assert shard.gate is None
    shard = away()
    before = shard.gate
    shard.report(4, contact)
    assert shard.gate == before


def test_nothing_is_attempted_while_the_gate_is_shut() -> None:
    shard = away()
    assert shard.attempting == ["d-4"]  # it was under way
    shard.report(4, Contact.UNREACHABLE)
    for number in (1, 2, 3, 4):
        shard.do(Wake(f"d-{number}"), after_ms=1)
    shard.now_ms = NOON_MS + POLICY.unreachable_first_ms - 1
    shard.do(WakeAccount(ACCOUNT))
    shard.deliver(7)
    assert shard.attempting == []


def test_another_account_is_not_held_up() -> None:
    shard = away()
    shard.deliver(8, account_id="another")
    assert "d-8" in shard.attempting


def test_one_attempt_tries_the_provider_and_opens_the_gate_for_all() -> None:
    shard = away()
    shard.report(4, Contact.UNREACHABLE)
    events = shard.wait()
    assert events == (Unlatched(ACCOUNT), Attempted("d-5", attempt=1, at_ms=shard.now_ms))
    shard.deliver(9)
    assert shard.attempting == ["d-5"]
    settled, *_ = shard.report(5, Contact.ANSWERED, Answer.ACCEPTED)[1:]
    assert isinstance(settled, Settled)
    assert shard.gate is None
    assert shard.attempting == ["d-6", "d-9"]


def test_a_probe_that_fails_shuts_the_gate_for_longer_and_longer() -> None:
    shard, pauses = away(), []
    shard.report(4, Contact.UNREACHABLE)
    for _ in range(12):
        (attempted,) = [event for event in shard.wait() if isinstance(event, Attempted)]
        number = int(attempted.message_id.removeprefix("d-"))
        shut = shut_in(shard.report(number, Contact.UNREACHABLE))
        pauses.append(shut.until_ms - shard.now_ms)
        for each in range(1, 7):
            shard.do(Wake(f"d-{each}"), after_ms=1)
    first_ms, most_ms = POLICY.unreachable_first_ms, POLICY.shut_most_ms
    for times, pause_ms in enumerate(pauses, start=2):
        expected_ms = min(first_ms << (times - 1), most_ms)
        assert expected_ms <= pause_ms <= 1.5 * expected_ms
    assert len(set(pauses[-4:])) > 1  # they do not all wait the same
    assert all(held.phase is not Phase.FAILED for held in shard.lanes.dispatches.values())


def test_an_account_counts_as_away_while_somebody_waits_for_its_provider() -> None:
    shard = Shard()
    shard.deliver(1, 2, 3)
    for number in (1, 2, 3):
        shard.report(number, Contact.UNREACHABLE)
    assert [gate.account_id for gate in shard.lanes.breakers()] == [ACCOUNT]
    shard.do(Wake("d-1"), after_ms=2_000)
    shard.wait()
    assert shard.attempting == ["d-1"]
    assert [gate.account_id for gate in shard.lanes.breakers()] == [ACCOUNT]
    shard.report(1, None, Answer.REFUSED)  # nobody waits any more, and nobody knows
    assert list(shard.lanes.breakers()) == []
    assert shard.gate is not None
    assert shard.gate.is_ajar


def test_who_is_asked_to_wait_is_not_away() -> None:
    shard = Shard()
    shard.deliver(1)
    shard.report(1, Contact.THROTTLED)
    assert list(shard.lanes.breakers()) == []


def test_a_probe_whose_end_nobody_knows_leaves_the_gate_ajar_for_the_next() -> None:
    shard = away()
    shard.report(4, Contact.UNREACHABLE)
    shard.wait()
    events = shard.report(5, None, Answer.UNKNOWN)
    assert Attempted("d-6", attempt=1, at_ms=shard.now_ms) in events
    assert shard.attempting == ["d-6"]


def test_an_outage_costs_a_message_none_of_its_tries() -> None:
    shard = Shard()
    shard.deliver(1)
    for _ in range(500):
        if shard.attempting:
            shard.report(1, Contact.UNREACHABLE)
        shard.do(Wake("d-1"), after_ms=5_000)
        shard.do(WakeAccount(ACCOUNT))
    held = shard.lanes.dispatches["d-1"]
    assert held.attempts > POLICY.attempts_max
    assert held.tries < POLICY.attempts_max


def test_a_message_of_which_only_its_own_calls_fail_is_given_up_after_three_retries() -> None:
    shard = Shard()
    shard.deliver(1)
    for attempt in range(1, POLICY.attempts_max + 1):
        events = shard.report(1, Contact.ANSWERED)
        assert any(isinstance(event, Settled) for event in events) == (attempt == 4)
        shard.do(Wake("d-1"), after_ms=HOUR_MS)


def test_who_is_asked_to_wait_attempts_nothing_before() -> None:
    shard = Shard()
    shard.deliver(1, 2)
    shut = shut_in(shard.report(1, Contact.THROTTLED, retry_after_ms=30_000))
    assert shut.barrier is Barrier.THROTTLED
    assert 30_000 <= shut.until_ms - shard.now_ms <= 45_000
    shard.deliver(3)
    shard.report(2, Contact.ANSWERED, Answer.ACCEPTED)  # it was under way
    assert shard.attempting == []
    assert shard.gate is not None
    shard.wait()
    assert shard.attempting == ["d-3"]
    assert shard.lanes.dispatches["d-1"].tries == 0


def test_of_two_that_ask_to_wait_the_longer_counts() -> None:
    shard = Shard()
    shard.deliver(1, 2, 3)
    shard.report(1, Contact.THROTTLED, retry_after_ms=10_000)
    longer = shut_in(shard.report(2, Contact.THROTTLED, retry_after_ms=60_000))
    assert longer.times == 1
    shard.report(3, Contact.THROTTLED, retry_after_ms=20_000)
    assert shard.gate is not None
    assert shard.gate.until_ms == longer.until_ms


def test_without_a_time_to_wait_it_doubles() -> None:
    shard, pauses = Shard(), []
    shard.deliver(1)
    for _ in range(5):
        shut = shut_in(shard.report(1, Contact.THROTTLED))
        pauses.append(shut.until_ms - shard.now_ms)
        shard.do(Wake("d-1"), after_ms=HOUR_MS)
        shard.do(WakeAccount(ACCOUNT))
    first_ms = POLICY.throttled_first_ms
    for times, pause_ms in enumerate(pauses):
        assert first_ms << times <= pause_ms <= 1.5 * (first_ms << times)


def test_of_a_wait_without_end_an_hour_counts() -> None:
    shard = Shard()
    shard.deliver(1)
    shut = shut_in(shard.report(1, Contact.THROTTLED, retry_after_ms=10**12))
    assert shut.until_ms - shard.now_ms <= 1.5 * POLICY.asked_most_ms


def test_a_look_up_passes_the_gate_and_does_not_turn_it() -> None:
    shard = Shard()
    shard.deliver(1, 2, 3)
    for number in (1, 2, 3):
        shard.report(number, Contact.UNREACHABLE, Answer.UNKNOWN)
    events = shard.do(Wake("d-1"), after_ms=2000)
    assert LookedUp("d-1", lookup=1, at_ms=shard.now_ms) in events
    gate = shard.gate
    shard.do(ReportLookup("d-1", 1, Sighting.FOUND, "SM9"))
    assert shard.gate == gate


def test_what_expires_before_a_shut_gate_says_why() -> None:
    shard = away()
    shard.report(4, Contact.UNREACHABLE)
    events = shard.do(WakeAccount(ACCOUNT), after_ms=DAY_MS)
    settled = [event for event in events if isinstance(event, Settled)]
    assert [(each.message_id, each.phase, each.reason) for each in settled] == [
        ("d-5", Phase.FAILED, "expired: unreachable"),
        ("d-6", Phase.FAILED, "expired: unreachable"),
    ]


@pytest.mark.parametrize(
    ("channel", "lives_ms"), [(Channel.SMS, DAY_MS), (Channel.EMAIL, 4 * DAY_MS)]
)
def test_a_message_lives_as_long_as_its_channel_lets_it(channel: Channel, lives_ms: int) -> None:
    assert POLICY.deadline_ms(channel, NOON_MS, 0) == NOON_MS + lives_ms
    assert POLICY.deadline_ms(channel, NOON_MS, NOON_MS + 7) == NOON_MS + 7


def maybe_sent() -> Shard:
    """An attempt may have had its effect, and the provider lets it be repeated."""
    shard = Shard()
    shard.deliver(1)
    (missed, postponed) = shard.report(1, Contact.UNREACHABLE, Answer.REPEATABLE)
    assert isinstance(missed, Missed)
    assert isinstance(postponed, Postponed)
    assert postponed.maybe_sent
    return shard


def test_what_may_be_repeated_is_and_ends_with_the_answer() -> None:
    shard = maybe_sent()
    shard.do(Wake("d-1"), after_ms=HOUR_MS)
    assert shard.attempting == ["d-1"]
    opened, settled = shard.report(1, Contact.ANSWERED, Answer.ACCEPTED)
    assert isinstance(opened, Opened)
    assert isinstance(settled, Settled)
    assert settled.phase is Phase.SENT


def test_what_may_have_been_sent_is_doubted_and_not_called_failed() -> None:
    for answer in (Answer.REFUSED, Answer.UNKNOWN):
        shard = maybe_sent()
        shard.do(Wake("d-1"), after_ms=HOUR_MS)
        assert isinstance(shard.report(1, Contact.ANSWERED, answer)[-1], Doubted)


def test_what_may_have_been_sent_is_doubted_when_its_tries_are_spent() -> None:
    shard = maybe_sent()
    for _ in range(POLICY.attempts_max - 1):
        shard.do(Wake("d-1"), after_ms=HOUR_MS)
        events = shard.report(1, Contact.ANSWERED)
    assert isinstance(events[-1], Doubted)


def test_what_may_have_been_sent_is_doubted_when_it_expires() -> None:
    shard = maybe_sent()
    *_, doubted = shard.do(Wake("d-1"), after_ms=DAY_MS)
    assert isinstance(doubted, Doubted)
    assert doubted.reason == "expired"
