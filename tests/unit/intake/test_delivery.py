"""One effect for each outbound message: what calls, look-ups and receipts lead to. Examples."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest

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
from services.intake.core.delivery.events import (
    Attempted,
    Doubted,
    Event,
    Forgotten,
    LookedUp,
    NotSeen,
    Postponed,
    Queued,
    Recognised,
    Settled,
    Woken,
)
from services.intake.core.delivery.evolve import evolve, lanes_of
from services.intake.core.delivery.model import Lanes, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.model import Channel, Detour
from tests.unit.intake.given import ACCOUNT, NOON_MS, dispatch

POLICY = DeliveryPolicy(calls_per_account_max=2)
HOUR_MS = 3_600_000


class Shard:
    """Lanes with a clock: each command is decided, folded in, and its events are returned."""

    def __init__(self, lanes: Lanes | None = None) -> None:
        self.lanes = lanes or Lanes()
        self.now_ms = NOON_MS

    def do(self, command: Command, *, after_ms: int = 0) -> tuple[Event, ...]:
        self.now_ms += after_ms
        events = decide(self.lanes, command, now_ms=self.now_ms, policy=POLICY)
        self.lanes = reduce(evolve, events, self.lanes)
        return events

    def phase(self, message_id: str = "d-1") -> Phase | None:
        held = self.lanes.dispatches.get(message_id)
        return held.phase if held else None


def attempted() -> Shard:
    shard = Shard()
    shard.do(Deliver(dispatch()))
    return shard


def in_doubt() -> Shard:
    shard = attempted()
    shard.do(ReportAttempt("d-1", 1, Answer.UNKNOWN, reason="timeout"))
    return shard


def looking_up() -> Shard:
    shard = in_doubt()
    shard.do(Wake("d-1"), after_ms=HOUR_MS // 60)
    return shard


def uncertain() -> Shard:
    shard = in_doubt()
    for lookup in range(1, POLICY.absences_max + 1):
        shard.do(Wake("d-1"), after_ms=2 * POLICY.lookup_most_ms)
        shard.do(ReportLookup("d-1", lookup, Sighting.ABSENT))
    assert shard.phase() is Phase.UNCERTAIN
    return shard


def seen_in_its_call() -> Shard:
    shard = attempted()
    shard.do(NoteReceipt("d-1", "SM9"))
    return shard


def test_an_attempt_is_an_event_before_it_is_a_call() -> None:
    shard = Shard()
    assert shard.do(Deliver(dispatch())) == (
        Queued(dispatch()),
        Attempted("d-1", attempt=1, at_ms=NOON_MS),
    )


def test_accepted_is_sent() -> None:
    shard = attempted()
    (settled,) = shard.do(ReportAttempt("d-1", 1, Answer.ACCEPTED, "SM9"))
    assert isinstance(settled, Settled)
    assert (settled.phase, settled.provider_message_id) == (Phase.SENT, "SM9")
    assert not shard.lanes.dispatches
    assert not shard.lanes.queues
    assert shard.lanes.calling(ACCOUNT) == 0


def test_refused_has_failed_and_says_why() -> None:
    (settled,) = attempted().do(ReportAttempt("d-1", 1, Answer.REFUSED, reason="21610"))
    assert isinstance(settled, Settled)
    assert (settled.phase, settled.reason) == (Phase.FAILED, "21610")


def test_what_was_certainly_not_accepted_is_tried_again_later() -> None:
    shard = attempted()
    (postponed,) = shard.do(
        ReportAttempt("d-1", 1, Answer.NOT_ACCEPTED, reason="429", retry_after_ms=30_000)
    )
    assert isinstance(postponed, Postponed)
    assert postponed.due_ms == NOON_MS + 30_000
    assert shard.do(Wake("d-1"), after_ms=29_999) == ()
    woken, again = shard.do(Wake("d-1"), after_ms=1)
    assert isinstance(woken, Woken)
    assert again == Attempted("d-1", attempt=2, at_ms=shard.now_ms)


def test_a_provider_that_never_accepts_is_given_up() -> None:
    shard = Shard()
    shard.do(Deliver(dispatch(attempts_max=2)))
    shard.do(ReportAttempt("d-1", 1, Answer.NOT_ACCEPTED, reason="503"))
    shard.do(Wake("d-1"), after_ms=HOUR_MS)
    (settled,) = shard.do(ReportAttempt("d-1", 2, Answer.NOT_ACCEPTED, reason="503"))
    assert isinstance(settled, Settled)
    assert (settled.phase, settled.reason) == (Phase.FAILED, "gave_up: 503")


def test_an_unknown_outcome_is_looked_up_and_not_repeated() -> None:
    shard = attempted()
    (doubted,) = shard.do(ReportAttempt("d-1", 1, Answer.UNKNOWN, reason="timeout"))
    assert isinstance(doubted, Doubted)
    woken, looked_up = shard.do(Wake("d-1"), after_ms=doubted.due_ms - NOON_MS)
    assert isinstance(woken, Woken)
    assert looked_up == LookedUp("d-1", lookup=1, at_ms=doubted.due_ms)


def test_found_at_the_provider_is_sent() -> None:
    (settled,) = looking_up().do(ReportLookup("d-1", 1, Sighting.FOUND, "SM9"))
    assert isinstance(settled, Settled)
    assert (settled.phase, settled.provider_message_id) == (Phase.SENT, "SM9")


def test_absent_is_asked_again_and_then_uncertain() -> None:
    shard = looking_up()
    (unseen,) = shard.do(ReportLookup("d-1", 1, Sighting.ABSENT))
    assert isinstance(unseen, NotSeen)
    assert unseen.due_ms > shard.now_ms
    assert uncertain().lanes.dispatches["d-1"].reason == "unseen: timeout"


def test_a_provider_that_is_away_is_asked_until_the_doubt_window_ends() -> None:
    shard, lookup = looking_up(), 1
    while shard.phase() is Phase.LOOKING_UP:
        shard.do(ReportLookup("d-1", lookup, Sighting.UNAVAILABLE))
        shard.do(Wake("d-1"), after_ms=2 * POLICY.lookup_most_ms)
        lookup += 1
    assert shard.phase() is Phase.UNCERTAIN
    assert lookup > POLICY.absences_max


@pytest.mark.parametrize("counts_as", [Phase.FAILED, Phase.SENT])
def test_the_account_may_count_what_was_never_seen(counts_as: Phase) -> None:
    shard = looking_up()
    shard.now_ms += POLICY.doubt_window_ms
    (settled,) = shard.do(ReportLookup("d-1", 1, Sighting.ABSENT, if_unseen=counts_as))
    assert isinstance(settled, Settled)
    assert (settled.phase, settled.reason) == (counts_as, "unseen: timeout")
    assert not shard.lanes.dispatches


@pytest.mark.parametrize("shard", [in_doubt(), looking_up(), uncertain()])
def test_a_receipt_ends_every_doubt(shard: Shard) -> None:
    settled, *_ = shard.do(NoteReceipt("d-1", "SM9"))
    assert isinstance(settled, Settled)
    assert (settled.phase, settled.provider_message_id) == (Phase.SENT, "SM9")


def test_a_receipt_during_the_call_saves_it_from_doubt_but_keeps_its_lane() -> None:
    shard = attempted()
    shard.do(Deliver(dispatch("d-2", position=1)))
    assert shard.do(NoteReceipt("d-1", "SM9")) == (Recognised("d-1", "SM9"),)
    assert shard.phase("d-2") is Phase.WAITING
    settled, begun = shard.do(ReportAttempt("d-1", 1, Answer.UNKNOWN, reason="timeout"))
    assert isinstance(settled, Settled)
    assert (settled.phase, settled.provider_message_id) == (Phase.SENT, "SM9")
    assert isinstance(begun, Attempted)


@pytest.mark.parametrize("shard", [in_doubt(), looking_up(), uncertain()])
@pytest.mark.parametrize(
    ("answer", "phase"), [(Answer.ACCEPTED, Phase.SENT), (Answer.REFUSED, Phase.FAILED)]
)
def test_a_definite_answer_that_comes_late_beats_doubt(
    shard: Shard, answer: Answer, phase: Phase
) -> None:
    settled, *_ = Shard(shard.lanes).do(ReportAttempt("d-1", 1, answer))
    assert isinstance(settled, Settled)
    assert settled.phase is phase


@pytest.mark.parametrize(
    ("shard", "phase"),
    [(in_doubt(), Phase.WAITING), (looking_up(), Phase.WAITING), (uncertain(), None)],
)
def test_certainly_in_vain_beats_doubt_too(shard: Shard, phase: Phase | None) -> None:
    shard = Shard(shard.lanes)
    shard.do(ReportAttempt("d-1", 1, Answer.NOT_ACCEPTED, reason="429"))
    assert shard.phase() is phase
    assert shard.lanes.calling(ACCOUNT) == 0


def test_an_uncertain_message_is_let_go_after_the_evidence_window() -> None:
    shard = uncertain()
    assert shard.do(Wake("d-1"), after_ms=POLICY.evidence_window_ms - 1) == ()
    assert shard.do(Wake("d-1"), after_ms=1) == (Forgotten("d-1"),)
    assert shard.do(NoteReceipt("d-1", "SM9")) == ()


def test_reports_of_another_attempt_or_look_up_are_no_news() -> None:
    shard = looking_up()
    assert shard.do(ReportAttempt("d-1", 2, Answer.ACCEPTED)) == ()
    assert shard.do(ReportLookup("d-1", 2, Sighting.FOUND)) == ()


def test_reports_of_an_account_that_the_message_has_left_are_no_news() -> None:
    shard = attempted()
    stale = ReportAttempt("d-1", 1, Answer.UNKNOWN, account_id="whatsapp-main")
    assert shard.do(stale) == ()
    assert shard.do(NoteReceipt("d-1", "wamid.1", "whatsapp-main")) == ()
    assert looking_up().do(ReportLookup("d-1", 1, Sighting.FOUND, account_id="other")) == ()
    assert shard.do(replace(stale, account_id=ACCOUNT)) != ()


@pytest.mark.parametrize(
    ("shard", "report", "goes"),
    [
        (attempted(), ReportAttempt("d-1", 1, Answer.REFUSED, reason="outside_window"), True),
        (attempted(), ReportAttempt("d-1", 1, Answer.ACCEPTED, "SM9"), True),
        (in_doubt(), ReportAttempt("d-1", 1, Answer.REFUSED, reason="outside_window"), False),
        (in_doubt(), ReportAttempt("d-1", 1, Answer.ACCEPTED, "SM9"), False),
        (uncertain(), ReportAttempt("d-1", 1, Answer.REFUSED, reason="outside_window"), False),
        (seen_in_its_call(), ReportAttempt("d-1", 1, Answer.REFUSED), False),
        (seen_in_its_call(), ReportAttempt("d-1", 1, Answer.ACCEPTED), True),
    ],
)
def test_only_what_nobody_was_in_doubt_of_may_take_a_detour(
    shard: Shard, report: ReportAttempt, *, goes: bool
) -> None:
    (settled,) = shard.do(replace(report, detour=Detour("mail", Channel.EMAIL, "help@a.example")))
    assert isinstance(settled, Settled)
    assert (settled.detour is not None) is goes


def test_what_a_repeat_may_have_sent_takes_no_detour() -> None:
    shard = attempted()
    shard.do(ReportAttempt("d-1", 1, Answer.REPEATABLE))
    shard.do(Wake("d-1"), after_ms=HOUR_MS // 60)
    (doubted,) = shard.do(ReportAttempt("d-1", 2, Answer.REFUSED, reason="outside_window"))
    assert isinstance(doubted, Doubted)


def test_a_recipient_gets_one_call_at_a_time_in_order() -> None:
    shard = attempted()
    for number in (2, 3):
        shard.do(Deliver(dispatch(f"d-{number}", position=number)))
    assert [shard.phase(f"d-{n}") for n in (2, 3)] == [Phase.WAITING, Phase.WAITING]
    _, begun = shard.do(ReportAttempt("d-1", 1, Answer.ACCEPTED))
    assert begun == Attempted("d-2", attempt=1, at_ms=NOON_MS)


def test_a_dead_account_holds_up_nobody_else() -> None:
    shard = Shard()
    for number in range(4):
        shard.do(Deliver(dispatch(f"dead-{number}", account_id="dead", home=f"h-{number}")))
    assert [shard.phase(f"dead-{n}") for n in range(4)] == [
        Phase.ATTEMPTING,
        Phase.ATTEMPTING,
        Phase.WAITING,
        Phase.WAITING,
    ]
    shard.do(Deliver(dispatch()))
    assert shard.phase() is Phase.ATTEMPTING
    shard.do(ReportAttempt("dead-0", 1, Answer.UNKNOWN))
    assert shard.phase("dead-2") is Phase.ATTEMPTING


def test_what_has_expired_is_not_sent_and_holds_up_nothing() -> None:
    shard = attempted()
    shard.do(Deliver(dispatch("d-2", position=1, expires_at_ms=NOON_MS + 10)))
    shard.do(Deliver(dispatch("d-3", position=2)))
    sent, expired, begun = shard.do(ReportAttempt("d-1", 1, Answer.ACCEPTED), after_ms=10)
    assert isinstance(sent, Settled)
    assert isinstance(expired, Settled)
    assert (expired.message_id, expired.reason) == ("d-2", "expired")
    assert begun == Attempted("d-3", attempt=1, at_ms=shard.now_ms)


def test_a_shard_is_taken_up_where_it_was_left() -> None:
    shard = looking_up()
    shard.do(Deliver(dispatch("d-2", position=1)))
    shard.do(Deliver(dispatch("other", home="h-2", position=2)))
    stored = list(shard.lanes.dispatches.values())
    again = lanes_of(reversed(stored))
    assert (again.dispatches, again.queues) == (shard.lanes.dispatches, shard.lanes.queues)
    assert again.calling(ACCOUNT) == shard.lanes.calling(ACCOUNT) == 2


def test_delays_grow_and_stay_within_their_bounds() -> None:
    retries = [POLICY.retry_delay_ms("d-1", attempts, 0) for attempts in range(1, 20)]
    assert retries == sorted(retries)
    assert POLICY.retry_first_ms <= retries[0] <= 1.5 * POLICY.retry_first_ms
    assert retries[-1] <= 1.5 * POLICY.retry_most_ms
    assert POLICY.retry_delay_ms("d-1", 1, 10**12) == POLICY.retry_most_ms
