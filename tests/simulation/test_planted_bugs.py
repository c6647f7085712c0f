"""The simulation bites: a bug of each kind, planted here, is found within a few seeds."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from services.chassis.bus.fates import BusError, BusUnavailable
from services.chassis.bus.processor import Input, Out
from services.chassis.bus.record import Record
from services.chassis.bus.relay import Relay
from services.chassis.bus.shard import ShardDraft
from services.chassis.bus.store import Commit
from services.feedback.shell.consumers import Surveys
from services.feedback.shell.ledger import OutLedger as SurveyLedger
from services.intake.core import detours
from services.intake.core.delivery.commands import Answer
from services.intake.core.delivery.model import Dispatch
from services.intake.core.model import Delivery, Progress
from services.intake.shell import effects
from services.intake.shell.consumers import dossiers
from services.routing.core import byhand, evolve, explain, matching
from services.routing.core.domain import Draft
from services.routing.core.events import WorkMoved
from services.routing.core.explain import Inputs
from services.routing.core.turn import Turn
from services.routing.core.work import WorkItem
from services.routing.shell import rows
from services.routing.shell.consumers.triage import Shard as Cases
from services.routing.shell.consumers.triage import Triage
from services.routing.shell.wire import explanations, inputs
from services.sla.core.model import Fact
from services.sla.shell import consumers as clocks
from services.sla.shell.wire import fact_of
from tests.simulation.group import Violation
from tests.simulation.parts import Parts
from tests.simulation.story import play
from tests.simulation.weather import CALM, storm
from tests.support.memory_store import MemoryStore

SEEDS = 30
STORMY = Parts(weather=storm)


def found(parts: Parts = STORMY) -> str:
    """What the first seeds, in foul weather, make of it; empty where they find nothing."""
    for seed in range(SEEDS):
        try:
            play(seed, parts=parts)
        except (Violation, BusError) as error:
            return f"{type(error).__name__}: {error}"
    return ""


class ForgetsToPublish(MemoryStore):
    async def commit(self, commit: Commit) -> frozenset[str]:
        return await super().commit(replace(commit, outbox=commit.outbox[1:]))


class ForgetsTimers(MemoryStore):
    async def commit(self, commit: Commit) -> frozenset[str]:
        return await super().commit(replace(commit, timers=commit.timers[1:]))


class ForgetsRequests(MemoryStore):
    async def commit(self, commit: Commit) -> frozenset[str]:
        return await super().commit(replace(commit, requests=[]))


class HasNoFence(MemoryStore):
    async def commit(self, commit: Commit) -> frozenset[str]:
        held = await self.positions(commit.processor, [row[0] for row in commit.shards])
        shards = [[number, *held[number], now_ms] for number, _, _, now_ms in commit.shards]
        return await super().commit(replace(commit, shards=shards))


@pytest.mark.parametrize(
    ("store", "says"),
    [
        (ForgetsToPublish, "Gap|skips|has 0 work"),
        (ForgetsTimers, "without an end|has 0 work|replayed"),
        (ForgetsRequests, "replayed|times"),
        (HasNoFence, "which others have taken"),
    ],
)
def test_a_store_that_breaks_its_promise(store: type[MemoryStore], says: str) -> None:
    assert re.search(says, found(replace(STORMY, store=store)))


def test_a_processor_that_drops_every_50th_record() -> None:
    class Drops(Triage):
        records = 0

        def handle(self, state: Cases, given: Input, out: Out) -> Cases:
            Drops.records += 1
            return state if Drops.records % 50 == 0 else super().handle(state, given, out)

    drops = STORMY.with_processor("routing.triage", lambda p, _: Drops(p.routing))
    assert re.search("has 0 work|has 1 work|replayed", found(drops))


def test_processes_of_one_service_that_are_set_up_differently() -> None:
    delays_ms = iter(range(10_000))
    differ = STORMY.with_processor(
        "feedback.surveys", lambda p, _: Surveys(replace(p.surveys, delay_ms=next(delays_ms)))
    )
    assert "replayed" in found(differ)


def test_a_reader_without_a_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    advance = ShardDraft.advance

    def always(draft: ShardDraft[Any], record: Record) -> bool:
        advance(draft, record)
        return True

    monkeypatch.setattr(ShardDraft, "advance", always)
    repeating = replace(CALM, unpublished=0.5, crash=0.1)
    assert "Violation" in found(Parts(weather=lambda _: repeating))


def test_a_relay_that_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Relay._publish_some

    async def once(relay: Relay) -> None:
        try:
            await publish(relay)
        except BusUnavailable:
            relay.restart([])

    monkeypatch.setattr(Relay, "_publish_some", once)
    assert re.search("Gap|skips|never queued", found())


def test_a_call_that_is_made_again_after_an_unknown_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def again(dispatch: Dispatch) -> object:
        return effects._not_called(dispatch, Answer.NOT_ACCEPTED, "surely not made")

    monkeypatch.setattr(effects, "_lost", again)
    assert "sent twice" in found()


def test_a_detour_around_whatever_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the provider has taken and could not deliver has had its effect."""

    def failed(known: Delivery) -> bool:
        return known.progress is Progress.FAILED

    monkeypatch.setattr(detours, "is_outside_window", failed)
    monkeypatch.setattr(dossiers, "_unsent", lambda dossier, _: tuple(dossier.deliveries))
    assert "sent twice" in found()


def test_a_matcher_that_ignores_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (explain, matching):
        monkeypatch.setattr(module, "has_room", lambda *_: True)
    assert re.search("capacity|uses", found())


def test_a_matcher_that_serves_the_last_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def rank(work: WorkItem) -> tuple[int, int, str]:
        return (-work.priority, -work.arrived_ms, work.work_id)

    monkeypatch.setattr(WorkItem, "rank", property(rank))
    assert "was offered before" in found()


def test_a_matcher_that_leaves_work_beside_idle_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = Turn.settle
    monkeypatch.setattr(Turn, "settle", lambda turn, agents=(), work=(): settle(turn, work=work))
    assert "nobody_idle" in found()


def test_a_transfer_that_sends_its_customer_to_the_end_of_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved = evolve._APPLY[WorkMoved]

    def late(draft: Draft, event: WorkMoved) -> None:
        moved(draft, event)
        draft.put_work(replace(draft.work[event.work_id], arrived_ms=event.at_ms))

    monkeypatch.setitem(evolve._APPLY, WorkMoved, late)
    assert re.search("arrived a second time|was offered before", found())


def test_a_hand_that_ignores_who_can_do_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byhand, "against", lambda *_: None)
    assert re.search("capacity|uses|decision", found())


def test_work_that_a_supervisor_withdrew_and_nobody_asks_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inputs, "_customer_wrote", lambda _: False)
    assert "waits for nobody" in found()


def test_a_decision_that_is_not_explained_by_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(inputs: Inputs) -> dict[str, Any]:
        return explanations.inputs_json(replace(inputs, now_ms=inputs.now_ms - 1))

    monkeypatch.setattr(rows, "inputs_json", late)
    assert "decision" in found()


def test_clocks_that_run_by_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_arrival(event: Any, logged_at_ms: int) -> Fact | None:
        fact = fact_of(event, logged_at_ms)
        return fact and replace(fact, occurred_at_ms=logged_at_ms)

    monkeypatch.setattr(clocks, "fact_of", by_arrival)
    assert "clocks of" in found()


def test_surveys_that_never_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SurveyLedger, "wake_to_expire", lambda *_: None)
    assert "survey without an end" in found()


def test_answers_that_intake_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SurveyLedger, "tell_answer", lambda *_: None)
    assert "known is None" in found()
