"""One command's turn: the events so far, and the domain as it stands after them.

What a command does directly comes first; then `settle` matches whatever that has freed or queued,
so that when the turn ends no agent with room sits beside work that fits.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.routing.core import ids
from services.routing.core.domain import Domain, Draft
from services.routing.core.events import Event, OfferMade
from services.routing.core.evolve import apply
from services.routing.core.explain import Explanation
from services.routing.core.kinds import WorkState
from services.routing.core.matching import agent_for, work_for
from services.routing.core.policies import REST_ALONE_MS_MAX
from services.routing.core.work import Offer, Rest


class Turn:
    """Decides by adding events; each is applied at once, so the next step sees it."""

    __slots__ = ("draft", "events", "now_ms")

    def __init__(self, domain: Domain, now_ms: int) -> None:
        self.draft = Draft(domain)
        self.now_ms = now_ms
        self.events: list[Event] = []

    def add(self, event: Event) -> None:
        """Something happens."""
        self.events.append(event)
        apply(self.draft, event)

    def rest_of(self, agent_id: str) -> Rest:
        """So long an agent who did not want a piece of work is not asked for it again."""
        cooldown_ms = self.draft.policy.decline_cooldown_ms
        alone_ms = min(cooldown_ms, REST_ALONE_MS_MAX)
        return Rest(agent_id, self.now_ms + alone_ms, self.now_ms + cooldown_ms)

    def settle(self, *, agents: Iterable[str] = (), work: Iterable[str] = ()) -> None:
        """Match what may have become matchable: agents with new room, and work that waits again.

        Before the turn nothing could be matched, so nothing else can be now. Agents come first:
        who is freed takes the oldest work they can, before anything that has just arrived.
        """
        known = (self.draft.agents.get(name) for name in agents)
        for agent in sorted((a for a in known if a and a.is_ready), key=lambda a: a.idle):
            self._fill(agent.agent_id)
        items = (self.draft.work.get(name) for name in work)
        for item in sorted((w for w in items if w is not None), key=lambda w: w.rank):
            self._place(item.work_id)

    def settle_absence(self, work: Iterable[str] = ()) -> None:
        """Match after somebody has left: `work` that they were asked for, and all that rests.

        Whoever declined work may be the only one left for it.
        """
        self.settle(work=(*work, *self.draft.resting))

    def _fill(self, agent_id: str) -> None:
        while (found := work_for(self.draft, self.draft.agents[agent_id], self.now_ms)) is not None:
            self._offer(found)

    def _place(self, work_id: str) -> None:
        work = self.draft.work[work_id]
        while work.state is WorkState.QUEUED:
            found = agent_for(self.draft, work, self.now_ms)
            if found is None:
                return
            self._offer(self._in_turn(found))
            work = self.draft.work[work_id]

    def _in_turn(self, found: Explanation) -> Explanation:
        """`found`, or what waits longer for the same agent, whose rest is over unnoticed.

        Timers that are late fire one by one, and the first must not overtake the others.
        """
        if not self.draft.resting:
            return found
        agent = self.draft.agents[found.verdict.agent_id]
        first = work_for(self.draft, agent, self.now_ms)
        if first is None or first.verdict.work_id == found.verdict.work_id:
            return found
        return first

    def _offer(self, explanation: Explanation) -> None:
        verdict = explanation.verdict
        work = self.draft.work[verdict.work_id]
        profile = self.draft.agents[verdict.agent_id].profile
        channel, number = work.requirement.channel, work.offers + 1
        timeout_ms = self.draft.policy.offer_timeout_of(work.requirement.pool)
        offer = Offer(
            offer_id=ids.offer_id(work.work_id, number),
            work_id=work.work_id,
            agent_id=verdict.agent_id,
            decision_id=ids.decision_id(work.work_id, number),
            channel=channel,
            cost=profile.channels[channel].cost,
            offered_ms=self.now_ms,
            expires_ms=self.now_ms + timeout_ms,
        )
        self.add(OfferMade(offer, explanation))
