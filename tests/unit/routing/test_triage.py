"""Triage: the table, and one piece of work for every conversation that is open (invariant 2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from services.routing.core.kinds import Channel, Level, Tier
from services.routing.core.policies import DEFAULT_POLICY, Condition, RoutingPolicy, Rule
from services.routing.core.triage.decide import SETTLE_MS, decide
from services.routing.core.triage.evolve import evolve
from services.routing.core.triage.model import (
    Case,
    Changed,
    Command,
    EndWork,
    Event,
    Observe,
    Requested,
    Settle,
    Withdrawn,
)
from services.routing.core.triage.rules import UNPLACED, Conversation, place

NOW_MS = 1_700_000_000_000
CONVERSATION = Conversation("default", "c-1", "cust-1", "home-1", Channel.SMS, Tier.BASIC, "de-AT")


@dataclass
class Desk:
    """One conversation in triage, and the work that the matcher has of it."""

    now_ms: int = NOW_MS
    policy: RoutingPolicy = DEFAULT_POLICY
    case: Case | None = None
    sequence: int = 0
    open_work: list[str] = field(default_factory=list)

    def hears(
        self,
        *,
        is_open: bool,
        of: Conversation = CONVERSATION,
        sequence: int = 0,
        at_ms: int = 0,
        wrote: bool = False,
    ) -> tuple[Event, ...]:
        self.sequence += 1
        number = sequence or self.sequence
        return self.tell(Observe(of, is_open, number, at_ms or self.now_ms, "resolved", wrote))

    def tell(self, command: Command) -> tuple[Event, ...]:
        events = decide(self.case, command, now_ms=self.now_ms, policy=self.policy)
        for event in events:
            self.case = evolve(self.case, event, tenant_id="default")
            if isinstance(event, Requested):
                self.open_work.append(event.work.work_id)
            if isinstance(event, Withdrawn):
                self.open_work.remove(event.work_id)
        if self.case is not None and not self.case.is_live:
            self.case = None
        return events

    def work_ends(self) -> tuple[Event, ...]:
        """The matcher ends what it has."""
        return self.tell(EndWork(self.open_work.pop()))

    def is_withdrawn(self, at_ms: int = 0) -> tuple[Event, ...]:
        """A supervisor ends what the matcher has."""
        return self.tell(EndWork(self.open_work.pop(), withdrawn_ms=at_ms or self.now_ms))

    def settle(self) -> tuple[Event, ...]:
        self.now_ms += SETTLE_MS
        return self.tell(Settle())


def rule(name: str, *conditions: Condition, **effects: object) -> Rule:
    return Rule(name, conditions, **effects)  # type: ignore[arg-type]  # test data


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("tier", ("BASIC", "EXPECTED")), True),
        (Condition("tier", ("INSPIRING",)), False),
        (Condition("tier", ("INSPIRING",), negate=True), True),
        (Condition("channel", ("SMS",)), True),
        (Condition("language", ("de",)), True),
        (Condition("tag", ("vip", "billing")), True),
        (Condition("tag", ("vip",), negate=True), True),
        (Condition("pool_hint", ("",)), False),
        (Condition("attribute.plan", ("gold",)), True),
        (Condition("attribute.none", ("gold",)), False),
        (Condition("weather", ("fine",)), False),
    ],
)
def test_conditions(condition: Condition, *, holds: bool) -> None:
    of = replace(CONVERSATION, tags=("billing",), attributes=Map({"plan": "gold"}))
    policy = replace(DEFAULT_POLICY, rules=(rule("it", condition),))
    assert (place(policy, of).rule == "it") is holds


def test_the_first_rule_that_matches_decides() -> None:
    de = Condition("language", ("de",))
    rules = (
        rule("french", Condition("language", ("fr",)), pool="paris"),
        rule("german", de, Condition("tier", ("BASIC",)), skills=(("z", 2), ("a", 1)), priority=7),
        rule("any german", de, pool="berlin"),
    )
    placement = place(replace(DEFAULT_POLICY, rules=rules), CONVERSATION)
    assert (placement.rule, placement.priority) == ("german", 7)
    assert placement.requirement.skills == (("a", 1), ("z", 2))
    assert placement.requirement.pool == DEFAULT_POLICY.default_pool
    assert placement.requirement.language == "de"


def test_the_accounts_hint_beats_the_default_pool_and_a_rule_beats_the_hint() -> None:
    hinted = replace(CONVERSATION, pool_hint="billing")
    assert place(DEFAULT_POLICY, hinted).requirement.pool == "billing"
    ruled = replace(DEFAULT_POLICY, rules=(rule("all", pool="sales", level=Level.L2),))
    assert place(ruled, hinted).requirement.pool == "sales"
    assert place(replace(DEFAULT_POLICY, rules=()), hinted).rule == UNPLACED


@pytest.mark.parametrize(
    ("tier", "priority"),
    [(Tier.BASIC, 0), (Tier.EXPECTED, 5), (Tier.EXCELLENT, 15), (Tier.INSPIRING, 30)],
)
def test_the_tier_sets_the_priority(tier: Tier, priority: int) -> None:
    assert place(DEFAULT_POLICY, replace(CONVERSATION, tier=tier)).priority == priority


def test_an_open_conversation_asks_once() -> None:
    desk = Desk()
    [event] = desk.hears(is_open=True)
    assert isinstance(event, Requested)
    assert desk.hears(is_open=True) == ()
    assert desk.hears(is_open=True, sequence=1) == ()  # an old event
    assert len(desk.open_work) == 1


def test_a_conversation_never_heard_of_asks_whatever_event_comes_first() -> None:
    [event] = Desk(sequence=17).hears(is_open=True)
    assert isinstance(event, Requested)


def test_it_withdraws_when_the_conversation_is_settled_and_asks_again_when_it_reopens() -> None:
    desk = Desk()
    desk.hears(is_open=True)
    [event] = desk.hears(is_open=False)
    assert isinstance(event, Withdrawn)
    assert desk.hears(is_open=False) == ()
    desk.hears(is_open=True)
    assert len(desk.open_work) == 1


def test_work_that_ends_on_an_open_conversation_is_asked_for_anew_at_its_old_place() -> None:
    desk = Desk()
    [first] = desk.hears(is_open=True, at_ms=NOW_MS - 500)
    desk.now_ms += 60_000
    desk.work_ends()
    assert desk.open_work == []
    [again] = desk.settle()
    assert isinstance(first, Requested)
    assert isinstance(again, Requested)
    assert again.work.work_id != first.work.work_id
    assert again.work.arrived_ms == first.work.arrived_ms == NOW_MS - 500


def test_work_that_ends_just_before_the_conversation_is_settled_is_not_asked_for_anew() -> None:
    desk = Desk()
    desk.hears(is_open=True)
    desk.work_ends()
    desk.hears(is_open=False)
    assert desk.settle() == ()


def test_the_end_of_other_work_means_nothing() -> None:
    desk = Desk()
    desk.hears(is_open=True)
    assert desk.tell(EndWork("some other")) == ()
    assert Desk().tell(EndWork("some other")) == ()


def test_work_that_a_supervisor_withdrew_is_not_asked_for_anew() -> None:
    desk = Desk()
    desk.hears(is_open=True, wrote=True)
    desk.now_ms += 1
    desk.is_withdrawn()
    assert desk.settle() == ()
    desk.hears(is_open=True, of=replace(CONVERSATION, tier=Tier.EXCELLENT))
    assert desk.settle() == ()
    assert desk.open_work == []


def test_after_a_withdrawal_it_asks_when_the_customer_writes_as_somebody_who_has_just_come() -> (
    None
):
    desk = Desk()
    desk.hears(is_open=True)
    desk.is_withdrawn(at_ms=NOW_MS + 1)
    desk.now_ms += 60_000
    [event] = desk.hears(is_open=True, wrote=True)
    assert isinstance(event, Requested)
    assert event.work.arrived_ms == NOW_MS + 60_000
    assert desk.hears(is_open=True) == ()


def test_after_a_withdrawal_it_asks_when_its_status_has_changed() -> None:
    desk = Desk()
    desk.hears(is_open=True)
    desk.is_withdrawn()
    desk.hears(is_open=False)
    [event] = desk.hears(is_open=True)
    assert isinstance(event, Requested)


def test_what_the_customer_wrote_after_the_withdrawal_counts_though_it_was_read_before() -> None:
    desk = Desk()
    desk.hears(is_open=True, wrote=True)
    desk.now_ms += 10
    withdrawn_ms = desk.now_ms
    desk.hears(is_open=True, wrote=True)
    desk.is_withdrawn(at_ms=withdrawn_ms)
    [event] = desk.settle()
    assert isinstance(event, Requested)


def test_what_people_have_set_is_asked_for_anew_and_kept_from_triage() -> None:
    desk = Desk()
    [first] = desk.hears(is_open=True)
    assert isinstance(first, Requested)
    sales = replace(first.work.requirement, pool="sales", level=Level.L2)
    left = replace(
        first.work, requirement=sales, line=sales.key, set_by_hand=("level", "pool"), priority=9
    )
    desk.tell(EndWork(desk.open_work.pop(), left))
    [again] = desk.settle()
    assert isinstance(again, Requested)
    assert (again.work.requirement, again.work.priority) == (sales, 0)
    [changed] = desk.hears(is_open=True, of=replace(CONVERSATION, tier=Tier.INSPIRING))
    assert isinstance(changed, Changed)
    assert (changed.work.requirement, changed.work.priority) == (sales, 30)


def test_a_better_tier_changes_the_work_in_place() -> None:
    desk = Desk()
    desk.hears(is_open=True)
    [event] = desk.hears(is_open=True, of=replace(CONVERSATION, tier=Tier.INSPIRING))
    assert isinstance(event, Changed)
    assert (event.work.priority, event.work.arrived_ms) == (30, NOW_MS)
    assert [event.work.work_id] == desk.open_work


def test_a_senders_clock_that_runs_ahead_does_not_move_its_customer_back() -> None:
    [event] = Desk().hears(is_open=True, at_ms=NOW_MS + 60_000)
    assert isinstance(event, Requested)
    assert event.work.arrived_ms == NOW_MS


steps = st.lists(
    st.sampled_from(["open", "settled", "ends", "settle", "repeat", "withdrawn", "writes"]),
    max_size=40,
)


@given(steps)
def test_invariant_2_open_means_exactly_one_piece_of_work_once_settled(steps: list[str]) -> None:
    desk, is_open, at_rest = Desk(), False, False
    for step in steps:
        desk.now_ms += 1
        at_rest = at_rest and step not in {"settled", "writes"}
        if step == "withdrawn" and desk.open_work:
            desk.is_withdrawn()
            at_rest = True
        elif step == "writes" and is_open:
            desk.hears(is_open=True, wrote=True)
        elif step in ("open", "settled"):
            is_open = step == "open"
            desk.hears(is_open=is_open)
        elif step == "ends" and desk.open_work:
            desk.work_ends()
        elif step == "settle":
            desk.settle()
        elif step == "repeat" and desk.sequence:
            assert desk.hears(is_open=is_open, sequence=desk.sequence - 1) == ()
            desk.sequence -= 1
        assert len(desk.open_work) <= 1
    desk.settle()
    assert len(desk.open_work) == int(is_open and not at_rest)
