"""Each kind of violation that is planted is found."""

from __future__ import annotations

import pytest

from local.verify import ledgers
from local.verify.checks import tables, work
from local.verify.finding import Kind
from tests.unit.local.facts import DOMAIN, FAR_MS, History, healthy


@pytest.fixture
def history() -> History:
    return healthy()


def test_an_open_conversation_needs_one_open_work_item(history: History) -> None:
    history.status("OPEN")
    assert history.found(Kind.VIOLATION) == ["open work"]
    history.route("queued", work_id="w2")
    assert history.judge().holds
    history.route("queued", work_id="w3")
    assert history.found(Kind.VIOLATION) == ["open work"]


@pytest.mark.parametrize("status", ["PENDING", "RESOLVED", "CLOSED"])
def test_other_conversations_need_none(history: History, status: str) -> None:
    history.status(status)
    assert history.judge().holds
    history.route("queued", work_id="w2")
    assert history.found(Kind.VIOLATION) == ["open work"]


def test_work_of_a_conversation_nobody_knows(history: History) -> None:
    history.route("queued", work_id="w2", conversation_id="c-none")
    assert history.found(Kind.VIOLATION) == ["open work"]


def test_work_offered_while_somebody_holds_it(history: History) -> None:
    history.offer("o3", "a1", work_id="w2")
    history.offer("o4", "a2", work_id="w2")
    history.timers["routing"] = {_timer("o3"): FAR_MS, _timer("o4"): FAR_MS}
    assert "work held twice" in history.found(Kind.VIOLATION)


def test_work_assigned_to_two_agents(history: History) -> None:
    history.route("assigned", agent="a1", work_id="w2")
    history.route("assigned", agent="a2", work_id="w2")
    assert "work held twice" in history.found(Kind.VIOLATION)


def test_more_work_than_an_agent_can_bear(history: History) -> None:
    for number in range(5):
        history.route("assigned", agent="a1", work_id=f"x{number}")
    assert history.found(Kind.VIOLATION).count("capacity exceeded") == 1


def test_wrap_up_takes_room_until_it_ends(history: History) -> None:
    history.agent("small", capacity=25)
    history.route("assigned", agent="small", work_id="w2")
    history.route("completed", agent="small", work_id="w2", wrap_up=True)
    history.route("wrap_up_ended", agent="small", work_id="w2")
    history.route("assigned", agent="small", work_id="w3")
    history.route("completed", agent="small", work_id="w3", wrap_up=True)
    assert history.judge().holds
    history.route("assigned", agent="small", work_id="w4")
    assert "capacity exceeded" in history.found(Kind.VIOLATION)


def test_an_override_goes_beyond_the_capacity_and_the_next_may_not(history: History) -> None:
    history.agent("small", capacity=25)
    history.route("assigned", agent="small", work_id="w2")
    history.route("assigned", agent="small", work_id="w3", override=True)
    assert "capacity exceeded" not in history.found(Kind.VIOLATION)
    history.route("assigned", agent="small", work_id="w4")
    assert history.found(Kind.VIOLATION).count("capacity exceeded") == 1


def test_who_passed_work_on_writes_up_while_somebody_else_has_it(history: History) -> None:
    for agent in ("one", "two"):
        history.agent(agent, capacity=25)
    history.route("assigned", agent="one", work_id="w2")
    history.route("transferred", agent="one", work_id="w2", wrap_up=True)
    history.route("queued", work_id="w2")
    history.route("assigned", agent="two", work_id="w2")
    history.route("completed", agent="two", work_id="w2")
    assert history.judge().holds
    history.route("assigned", agent="one", work_id="w3")  # has not written up yet
    assert history.found(Kind.VIOLATION).count("capacity exceeded") == 1
    history.route("wrap_up_ended", agent="one", work_id="w2")
    history.route("completed", agent="one", work_id="w3")
    history.route("assigned", agent="one", work_id="w4")
    assert history.found(Kind.VIOLATION).count("capacity exceeded") == 1


def test_an_open_conversation_may_be_without_work_that_a_supervisor_withdrew(
    history: History,
) -> None:
    history.status("OPEN")
    history.route("queued", work_id="w2")
    history.route("abandoned", work_id="w2", withdrawn=True)
    assert history.judge().holds
    history.route("queued", work_id="w3")
    assert history.judge().holds
    history.route("completed", agent="a1", work_id="w3")
    assert history.found(Kind.VIOLATION) == ["open work"]


def test_a_routing_event_that_is_there_twice_is_doubled(history: History) -> None:
    history.world.routing["default/default"].append(history.world.routing["default/default"][-1])
    assert history.found(Kind.DOUBLED) == ["routing event"]


def test_an_offer_with_two_ends(history: History) -> None:
    history.route("offer_timed_out", offer="o2", agent="a2")
    assert history.found(Kind.VIOLATION) == ["offer"]


@pytest.mark.parametrize(("due_ms", "holds"), [(None, False), (0, False), (FAR_MS, True)])
def test_a_pending_offer_needs_a_timer_ahead(
    history: History, due_ms: int | None, *, holds: bool
) -> None:
    history.status("OPEN")
    history.route("queued", work_id="w2")
    history.offer("o3", "a1", work_id="w2")
    if due_ms is not None:
        history.timers["routing"][_timer("o3")] = due_ms
    assert history.judge().holds is holds


def test_an_offer_an_agent_saw_that_was_never_made(history: History) -> None:
    history.ledgers.offers.append(ledgers.SeenOffer("ghost", "w1", "c1", "a1", 1))
    assert history.found(Kind.VIOLATION) == ["unknown offer"]


def test_an_offer_that_reached_the_wrong_agent(history: History) -> None:
    history.ledgers.offers.append(ledgers.SeenOffer("o2", "w1", "c1", "a1", 1))
    assert history.found(Kind.VIOLATION) == ["unknown offer"]


def test_an_accept_that_was_confirmed_and_forgotten(history: History) -> None:
    history.ledgers.accepts.append(ledgers.Accepted("o1", "a1", 1))
    assert history.found(Kind.VIOLATION) == ["unknown accept"]


@pytest.mark.parametrize("second", ["met", "cancelled"])
def test_a_clock_with_two_ends(history: History, second: str) -> None:
    history.clock(second, "MET")
    assert history.found(Kind.VIOLATION) == ["clock"]


def test_a_breached_clock_may_be_fulfilled_once(history: History) -> None:
    history.clock("started", "RUNNING", clock="k2")
    history.clock("breached", "BREACHED", clock="k2")
    history.clock("met", "BREACHED", clock="k2")
    assert history.judge().holds
    history.clock("breached", "BREACHED", clock="k2")
    assert history.found(Kind.VIOLATION) == ["clock"]


def test_a_correction_takes_back_what_came_before(history: History) -> None:
    history.clock("corrected", "RUNNING")
    history.timers["sla"]["c1"] = FAR_MS
    history.clock("breached", "BREACHED")
    assert history.judge().holds


def test_a_running_clock_needs_a_timer_ahead(history: History) -> None:
    history.clock("started", "RUNNING", clock="k2")
    assert history.found(Kind.VIOLATION) == ["clock"]
    history.timers["sla"]["c1"] = FAR_MS
    assert history.judge().holds


def test_a_paused_clock_needs_none(history: History) -> None:
    history.clock("started", "RUNNING", clock="k2")
    history.clock("paused", "PAUSED", clock="k2")
    assert history.judge().holds


def test_a_survey_with_two_ends(history: History) -> None:
    history.survey("expired", "EXPIRED")
    assert history.found(Kind.VIOLATION) == ["survey"]


def test_an_open_survey_needs_a_timer_ahead(history: History) -> None:
    history.survey("scheduled", "SCHEDULED", survey="s2")
    assert history.found(Kind.VIOLATION) == ["survey"]
    history.timers["feedback"]["send|c1|s2"] = FAR_MS
    assert history.judge().holds


def test_a_table_that_disagrees_with_the_log(history: History) -> None:
    history.route("queued", work_id="w2")
    state, _ = work.replay(history.world.routing["default/default"])
    assert list(work.check_table([state], {"w2": "queued"})) == []
    assert [each.id for each in work.check_table([state], {"w2": "assigned"})] == ["w2"]
    assert [each.id for each in work.check_table([state], {"w2": "queued", "w9": "queued"})] == [
        "w9"
    ]


AGREEING = {
    "message": {"m-SM1": "c1", "r1": "c1", "ask": "c1"},
    "conversation": {"c1": "RESOLVED"},
    "offer": {"o1": "DECLINED", "o2": "ACCEPTED"},
    "agent": {"a1": "0", "a2": "0"},
    "clock": {"k1": "MET"},
    "survey": {"s1": "ANSWERED"},
}


def test_tables_that_tell_the_same_are_no_finding(history: History) -> None:
    state, _ = work.replay(history.world.routing[DOMAIN])
    assert list(tables.check(AGREEING, history.world, [state])) == []


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("message", "m-SM1", "c2"),
        ("conversation", "c1", "OPEN"),
        ("offer", "o2", "PENDING"),
        ("agent", "a2", "25"),
        ("clock", "k1", "RUNNING"),
        ("survey", "s1", ""),
    ],
)
def test_a_row_that_tells_something_else(
    history: History, table: str, key: str, value: str
) -> None:
    state, _ = work.replay(history.world.routing[DOMAIN])
    changed = {**AGREEING, table: {**AGREEING[table], key: value}}
    [finding] = tables.check(changed, history.world, [state])
    assert (finding.kind, finding.what, finding.id) == (Kind.VIOLATION, f"{table} row", key)


def _timer(offer_id: str) -> str:
    return f"offer|{offer_id}|{DOMAIN}"
