"""Replays a domain's events: who holds which work, how much of each agent is taken.

A grant beyond the rules is noted, not refused: the replay goes on as the log says.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from local.verify.world import RoutingFact

QUEUED, OFFERED, ASSIGNED, WRAP_UP, ENDED = "queued", "offered", "assigned", "wrap_up", "ended"
OPEN = frozenset({QUEUED, OFFERED, ASSIGNED})
OFFER_ENDS = frozenset({"accepted", "declined", "offer_timed_out", "offer_rescinded"})


@dataclass(slots=True)
class Work:
    """One work item in the replay."""

    work_id: str
    conversation_id: str
    phase: str = QUEUED
    agent_id: str = ""
    cost: int = 0
    wraps: dict[str, list[int]] = field(default_factory=dict)
    """By agent: costs of what they write up, the first to end first."""
    withdrawn: bool = False
    """A supervisor ended it: its conversation may be open without work."""


@dataclass(slots=True)
class Replay:
    """A domain after its events, and what was wrong on the way: (what, id, detail)."""

    work: dict[str, Work] = field(default_factory=dict)
    capacity: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    offers: dict[str, list[RoutingFact]] = field(default_factory=lambda: defaultdict(list))
    """By offer id: how it was made and every end it came to."""
    wrong: list[tuple[str, str, str]] = field(default_factory=list)

    def apply(self, fact: RoutingFact) -> None:
        """Take the next event of the domain."""
        if fact.kind == "agent_changed":
            self.capacity[fact.agent_id] = fact.capacity
        elif fact.kind == "offered":
            self._offered(fact)
        elif fact.kind in OFFER_ENDS:
            self._offer_ended(fact)
        elif fact.work_id:
            self._work(fact)

    def _offered(self, fact: RoutingFact) -> None:
        self.offers[fact.offer_id].append(fact)
        work = self._of(fact)
        if work.phase != QUEUED:
            detail = f"offered to {fact.agent_id} while {work.phase} by {work.agent_id or 'nobody'}"
            self.wrong.append(("work held twice", fact.work_id, detail))
        self._take(work, fact)
        work.phase = OFFERED

    def _offer_ended(self, fact: RoutingFact) -> None:
        self.offers[fact.offer_id].append(fact)
        work = self._of(fact)
        if fact.kind != "accepted" and work.phase == OFFERED:
            self._release(work)
            work.phase = QUEUED

    def _work(self, fact: RoutingFact) -> None:
        work = self._of(fact)
        if fact.kind == "assigned":
            self._assigned(work, fact)
        elif fact.kind == "wrap_up_ended":
            self._wrap_up_ended(work, fact)
        elif fact.kind in {"completed", "abandoned"}:
            self._let_go(work, fact)
            work.phase = WRAP_UP if fact.wrap_up else ENDED
            work.withdrawn = fact.withdrawn
        elif fact.kind in {"queued", "transferred", "escalated"}:
            self._let_go(work, fact)
            work.phase = QUEUED

    def _let_go(self, work: Work, fact: RoutingFact) -> None:
        """Nobody has the work; whoever had it may write up, which takes as much of them."""
        if fact.wrap_up and work.agent_id:
            work.wraps.setdefault(work.agent_id, []).append(work.cost)
            work.agent_id, work.cost = "", 0
        else:
            self._release(work)

    def _wrap_up_ended(self, work: Work, fact: RoutingFact) -> None:
        costs = work.wraps.get(fact.agent_id)
        if costs:
            self.used[fact.agent_id] -= costs.pop(0)
        if work.phase == WRAP_UP and not any(work.wraps.values()):
            work.phase = ENDED

    def _assigned(self, work: Work, fact: RoutingFact) -> None:
        if work.phase == OFFERED and work.agent_id == fact.agent_id:
            work.phase = ASSIGNED
            return
        if work.phase in {OFFERED, ASSIGNED}:
            detail = f"assigned to {fact.agent_id} while {work.phase} by {work.agent_id}"
            self.wrong.append(("work held twice", fact.work_id, detail))
        self._take(work, fact)
        work.phase = ASSIGNED

    def _take(self, work: Work, fact: RoutingFact) -> None:
        work.agent_id, work.cost = fact.agent_id, fact.cost
        self.used[fact.agent_id] += fact.cost
        capacity = self.capacity.get(fact.agent_id)
        if fact.override or capacity is None:
            return
        if self.used[fact.agent_id] > capacity:
            detail = f"uses {self.used[fact.agent_id]} of {capacity} with work {fact.work_id}"
            self.wrong.append(("capacity exceeded", fact.agent_id, detail))

    def _release(self, work: Work) -> None:
        if work.agent_id:
            self.used[work.agent_id] -= work.cost
        work.agent_id, work.cost = "", 0

    def _of(self, fact: RoutingFact) -> Work:
        known = self.work.setdefault(fact.work_id, Work(fact.work_id, fact.conversation_id))
        known.conversation_id = known.conversation_id or fact.conversation_id
        return known
