"""What must hold in every state of a domain, written without its indexes: slow and obvious."""

from __future__ import annotations

from services.routing.core.agents import Agent
from services.routing.core.byhand import weigh
from services.routing.core.domain import Domain
from services.routing.core.events import Event, OfferMade, WorkAssigned, WorkMoved, hand_of
from services.routing.core.explain import evaluate, has_room, unfit
from services.routing.core.kinds import AssignmentState, Hold, Presence, WorkState
from services.routing.core.work import WorkItem


def check(domain: Domain, now_ms: int) -> None:
    """Every invariant that a state alone can break."""
    work_has_one_holder(domain)
    capacity_is_what_is_held(domain)
    indexes_follow_from_the_entities(domain)
    sessions_agree(domain)
    nobody_absent_is_asked(domain)
    nobody_idle_sits_beside_work_that_fits(domain, now_ms)


def work_has_one_holder(domain: Domain) -> None:
    """Invariant 3: at most one agent is asked for a piece of work or has it."""
    asked = [offer.work_id for offer in domain.offers.values()]
    active = AssignmentState.ACTIVE
    held = [a.work_id for a in domain.assignments.values() if a.state is active]
    assert len(asked + held) == len({*asked, *held})
    for work in domain.work.values():
        assert (work.state is WorkState.OFFERED) == (work.work_id in asked)
        assert (work.state is WorkState.ASSIGNED) == (work.work_id in held)
        if work.state is WorkState.OFFERED:
            offer = domain.offers[work.offer_id]
            assert (offer.work_id, offer.agent_id) == (work.work_id, work.agent_id)
        if work.state in {WorkState.ASSIGNED, WorkState.WRAP_UP}:
            assignment = domain.assignments[work.assignment_id]
            assert (assignment.work_id, assignment.agent_id) == (work.work_id, work.agent_id)
            assert (assignment.state is active) == (work.state is WorkState.ASSIGNED)
        else:
            assert not work.assignment_id
        assert (work.state is WorkState.QUEUED) == (work.agent_id == "")


def capacity_is_what_is_held(domain: Domain) -> None:
    """Invariant 3: used = pending + assigned + wrap-up; above the total only by override."""
    for agent in domain.agents.values():
        mine = [o for o in domain.offers.values() if o.agent_id == agent.agent_id]
        have = [a for a in domain.assignments.values() if a.agent_id == agent.agent_id]
        assert agent.used == sum(o.cost for o in mine) + sum(a.cost for a in have)
        assert agent.overridden == sum(a.cost for a in have if a.override)
        assert 0 <= agent.used <= agent.profile.capacity + agent.overridden
        holds = {e.hold_id: e.hold for e in agent.engagements}
        assert holds == {o.offer_id: Hold.PENDING for o in mine} | {
            a.assignment_id: Hold.ASSIGNED if a.state is AssignmentState.ACTIVE else Hold.WRAP_UP
            for a in have
        }


def indexes_follow_from_the_entities(domain: Domain) -> None:
    """The waiting lines, the roster and the resting work hold exactly what they should."""
    waiting = [w for w in domain.work.values() if w.state is WorkState.QUEUED]
    in_line = {rank: key for key, line in domain.lines.by_key.items() for rank in line.queue}
    assert in_line == {w.rank: w.line for w in waiting}
    assert set(domain.resting) == {w.work_id for w in waiting if w.rests}
    wanted = {w.conversation_id: w.work_id for w in domain.work.values() if w.is_wanted}
    assert dict(domain.wanted) == wanted
    by_pool = {(pool, key) for pool, keys in domain.lines.by_pool.items() for key in keys}
    assert by_pool == {(w.requirement.pool, w.line) for w in waiting}
    seated = {
        (idle, room, key)
        for key, bench in domain.roster.benches.items()
        for room, queue in bench.ready.items()
        for idle in queue
    }
    agents = domain.agents.values()
    assert seated == {(a.idle, a.room, a.bench) for a in agents if a.is_ready}
    for key, bench in domain.roster.benches.items():
        mine = [a for a in agents if a.bench == key]
        assert bench.present == sum(a.is_ready for a in mine)
        assert bench.absent == len(mine) - bench.present


def sessions_agree(domain: Domain) -> None:
    """An edge knows exactly the sessions that name it."""
    by_edge = {
        (edge.edge_id, session_id, agent_id)
        for edge in domain.edges.values()
        for session_id, agent_id in edge.sessions.items()
    }
    by_agent = {
        (session.edge_id, session.session_id, agent.agent_id)
        for agent in domain.agents.values()
        for session in agent.sessions
    }
    assert by_edge == by_agent


def nobody_absent_is_asked(domain: Domain) -> None:
    """Who goes away has no open offer left; only a broken connection keeps them, for a grace."""
    for offer in domain.offers.values():
        agent = domain.agents[offer.agent_id]
        assert agent.presence is Presence.AVAILABLE
        assert agent.sessions or agent.grace_until_ms


def nobody_idle_sits_beside_work_that_fits(domain: Domain, now_ms: int) -> None:
    """Invariant 5: no agent could be asked for any work that waits."""
    for work in domain.work.values():
        if work.state is WorkState.QUEUED:
            assert not takers(domain, work, now_ms), work


def takers(domain: Domain, work: WorkItem, now_ms: int) -> list[Agent]:
    """Who could be asked for this work now, longest idle first."""
    able = [
        agent
        for agent in domain.agents.values()
        if agent.is_ready
        and work.requirement.pool in agent.profile.pools
        and unfit(agent.profile, work.requirement) is None
    ]
    with_room = [a for a in able if has_room(a.profile, a.room, work.requirement)]
    rests = {r.agent_id: r for r in work.rests if now_ms < r.until_ms}
    may = [
        agent
        for agent in with_room
        if agent.agent_id not in rests
        or (len(able) == 1 and now_ms >= rests[agent.agent_id].alone_ms)
    ]
    return sorted(may, key=lambda agent: agent.idle)


def hand_is_right(before: Domain, event: Event) -> None:
    """What people do to work goes by its reasons, which give the same again, and never down."""
    hand = hand_of(event)
    if hand is None:
        return
    inputs, verdict = hand.inputs, hand.verdict
    assert weigh(inputs) == verdict
    assert verdict.requirement.level >= inputs.requirement.level
    if isinstance(event, WorkMoved):
        assert before.work[event.work_id].requirement == inputs.requirement
        assert (event.release is not None) == bool(inputs.holder_id)
    if not isinstance(event, WorkAssigned):
        return
    given, agent = event.assignment, before.agents[event.assignment.agent_id]
    needs = before.work[given.work_id].requirement
    assert agent.presence in {Presence.AVAILABLE, Presence.BUSY}
    assert agent.sessions
    fits = (
        needs.pool in agent.profile.pools
        and unfit(agent.profile, needs) is None
        and has_room(agent.profile, agent.room, needs)
    )
    assert fits or inputs.asked.override
    assert given.override is not fits


def offer_is_fair(before: Domain, made: OfferMade, now_ms: int) -> None:
    """Invariants 6 and 9: nobody who fits has been idle longer, or nothing that fits waits longer.

    One of the two, by what triggered the decision; and the explanation gives the same again.
    """
    explanation = made.explanation
    assert evaluate(explanation.inputs) == explanation.verdict
    work = before.work[made.offer.work_id]
    agent = before.agents[made.offer.agent_id]
    assert agent in takers(before, work, now_ms)
    if len(explanation.inputs.work) == 1 and explanation.inputs.trigger == "WORK_WAITS":
        assert takers(before, work, now_ms)[0] is agent
    else:
        fitting = [
            other
            for other in before.work.values()
            if other.state is WorkState.QUEUED and agent in takers(before, other, now_ms)
        ]
        assert min(fitting, key=lambda other: other.rank) is work
