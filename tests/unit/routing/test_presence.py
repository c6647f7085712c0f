"""Agents and their sessions: withdrawn offers, grace, repeats, and leases that are lost."""

from __future__ import annotations

from dataclasses import replace

from services.routing.core import commands as do
from services.routing.core.events import PresenceChanged, SessionEnded
from services.routing.core.kinds import Presence, WorkState
from services.routing.core.policies import SESSION_LEASE_MS
from services.routing.core.refusals import Reason, Rejection
from tests.unit.routing.floor import EDGE, POLICY, Floor, offers, profile

SESSION = "session-ann"


def broken(session_id: str = SESSION, *, edge_id: str = EDGE) -> do.CloseSession:
    return do.CloseSession("ann", session_id, edge_id, signed_off=False)


def test_b11_signing_off_takes_the_agent_offline_at_once() -> None:
    floor = Floor(policy=replace(POLICY, presence_grace_ms=5_000))
    floor.agent("ann")
    floor.arrives("w1")
    floor.tell(do.CloseSession("ann", SESSION, EDGE, signed_off=True))
    assert floor.who("ann").presence is Presence.OFFLINE
    assert floor.domain.work["w1"].state is WorkState.QUEUED


def test_b12_a_reconnection_inside_the_grace_keeps_presence_offer_and_idle_clock() -> None:
    floor = Floor(policy=replace(POLICY, presence_grace_ms=5_000))
    floor.agent("ann", profile(capacity=50))
    idle_since_ms = floor.now_ms
    floor.arrives("w1")
    floor.tell(broken())
    assert offers(floor.arrives("w2")) == []  # nothing new reaches her
    floor.wait(4_999)
    assert offers(floor.presence("ann", Presence.AVAILABLE)) == [("w2", "ann")]
    assert floor.asked("w1") == "ann"
    assert floor.who("ann").idle_since_ms == idle_since_ms
    assert not [e for e in floor.wait(60_000) if isinstance(e, PresenceChanged)]


def test_b12_after_the_grace_the_agent_is_offline_and_her_offers_are_taken_back() -> None:
    floor = Floor(policy=replace(POLICY, presence_grace_ms=5_000))
    floor.agent("ann")
    floor.arrives("w1")
    floor.tell(broken())
    [change] = [e for e in floor.wait(5_000) if isinstance(e, PresenceChanged)]
    assert (change.after, change.reason) == (Presence.OFFLINE, "session_lost")
    assert floor.domain.work["w1"].state is WorkState.QUEUED


def test_several_tabs_are_one_presence() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.presence("ann", Presence.AVAILABLE, session_id="tab-2")
    floor.tell(broken())
    assert floor.who("ann").is_ready
    floor.tell(broken("tab-2"))
    assert floor.who("ann").presence is Presence.OFFLINE


def test_b22_an_older_statement_of_a_session_is_ignored() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.tell(do.SetPresence("ann", SESSION, EDGE, 9, Presence.AWAY))
    assert floor.tell(do.SetPresence("ann", SESSION, EDGE, 8, Presence.AVAILABLE)) == ()
    assert floor.who("ann").presence is Presence.AWAY


def test_a_session_that_went_on_elsewhere_is_not_closed_by_its_old_edge() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.tell(do.SetPresence("ann", SESSION, "edge-2", 1, Presence.AVAILABLE))
    assert floor.tell(broken()) == ()
    assert floor.who("ann").is_ready
    assert not floor.domain.edges[EDGE].sessions


def test_a_renewed_lease_keeps_all_sessions_of_the_edge() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.wait(10 * SESSION_LEASE_MS)
    assert floor.who("ann").is_ready
    assert floor.who("bob").is_ready


def test_a_lost_lease_takes_all_agents_of_the_edge_offline() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.agent("bob")
    floor.arrives("open")
    floor.accept("open")  # ann
    floor.arrives("pending")  # bob
    floor.alive.clear()
    floor.wait(SESSION_LEASE_MS)
    assert {floor.who(a).presence for a in ("ann", "bob")} == {Presence.OFFLINE}
    assert floor.domain.work["open"].state is WorkState.ASSIGNED
    assert floor.domain.work["pending"].state is WorkState.QUEUED
    assert EDGE not in floor.domain.edges


def test_a_lost_lease_spares_an_agent_with_a_session_elsewhere() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.presence("ann", Presence.AVAILABLE, session_id="other", edge_id="edge-2")
    floor.alive = {"edge-2"}
    events = floor.wait(SESSION_LEASE_MS)
    assert [e.session_id for e in events if isinstance(e, SessionEnded)] == [SESSION]
    assert floor.who("ann").is_ready


def test_an_unknown_agent_cannot_sign_in() -> None:
    refused = Floor().ask(do.SetPresence("ann", SESSION, EDGE, 1, Presence.AVAILABLE))
    assert isinstance(refused, Rejection)
    assert refused.reason is Reason.AGENT_NOT_FOUND


def test_defining_the_same_agent_again_changes_nothing() -> None:
    floor = Floor()
    floor.agent("ann")
    assert floor.tell(do.DefineAgent("ann", "Ann", profile())) == ()


def test_a_new_skill_brings_the_waiting_work() -> None:
    floor = Floor()
    floor.agent("ann")
    floor.arrives("w1", skills=(("billing", 3),))
    can = profile(skills={"billing": 3})
    assert offers(floor.tell(do.DefineAgent("ann", "Ann", can))) == [("w1", "ann")]


def test_capacity_is_not_cut_below_what_is_used() -> None:
    floor = Floor()
    floor.agent("ann", profile(capacity=50))
    floor.arrives("w1")
    floor.arrives("w2")
    refused = floor.ask(do.DefineAgent("ann", "Ann", profile(capacity=49)))
    assert isinstance(refused, Rejection)
    assert refused.reason is Reason.CAPACITY_IN_USE


def test_an_agent_without_channels_has_those_of_the_policy() -> None:
    floor = Floor()
    floor.agent("ann", profile(channels=type(POLICY.channels)()))
    assert floor.who("ann").profile.channels == POLICY.channels
