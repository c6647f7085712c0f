"""The board of one tenant's domain: fed by the upstream watches, looked at by browsers.

It holds what the watches have told and nothing else; after a loss the next snapshot replaces it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import nsmallest

from services.console.core.model import (
    Agent,
    Clock,
    Line,
    Presence,
    Queue,
    Source,
    SourceState,
    Totals,
    View,
    Window,
    Work,
    WorkState,
)

CLOCKS_MAX = 100
LINES_MAX = 50
HOUR_MS = 3_600_000
SOURCES = ("queues", "agents", "clocks", "kpis", "conversations")


class Board:
    """Every method is a fact that came; `view` is the question. `version` rises with each fact."""

    def __init__(self, now_ms: int) -> None:
        self.version = 0
        self._pools: set[str] = set()
        self._work: dict[str, Work] = {}
        self._agents: dict[str, Agent] = {}
        self._clocks: dict[str, Clock] = {}
        self._windows: dict[tuple[int, str, int], Window] = {}
        self._open: set[str] = set()
        self._lines: deque[Line] = deque(maxlen=LINES_MAX)
        self._indicators: tuple[object, ...] = ()
        self._sources = {name: Source(name, SourceState.CONNECTING, now_ms) for name in SOURCES}

    def source_changed(self, source: Source) -> None:
        """A service answers, or no longer does."""
        known = self._sources[source.name]
        if (known.state, known.detail) != (source.state, source.detail):
            self._sources[source.name] = source
            self.version += 1

    def work_replaced(self, pools: Iterable[str], work: Iterable[Work]) -> None:
        """All pools, and all open work there is."""
        self._pools = set(pools)
        self._work = {item.work_id: item for item in work}
        self.version += 1

    def work_seen(self, work: Work) -> None:
        """A piece of work as it is now."""
        self._pools.add(work.pool)
        self._work[work.work_id] = work
        self.version += 1

    def work_moved(self, work_id: str, state: WorkState, agent_id: str) -> None:
        """Work is on offer to an agent, or held by one."""
        if known := self._work.get(work_id):
            self.work_seen(replace(known, state=state, agent_id=agent_id))

    def work_ended(self, work_id: str) -> None:
        """Work is no longer open."""
        if self._work.pop(work_id, None):
            self.version += 1

    def agents_replaced(self, agents: Iterable[Agent]) -> None:
        """All agents there are."""
        found = {agent.agent_id: agent for agent in agents}
        if found != self._agents:
            self._agents = found
            self.version += 1

    def agent_seen(self, agent: Agent) -> None:
        """An agent as it is now."""
        self._agents[agent.agent_id] = agent
        self.version += 1

    def agent_removed(self, agent_id: str) -> None:
        """An agent is gone."""
        if self._agents.pop(agent_id, None):
            self.version += 1

    def presence_changed(self, agent_id: str, presence: Presence, at_ms: int) -> None:
        """An agent takes work, or no longer does."""
        if known := self._agents.get(agent_id):
            idle = at_ms if presence is Presence.AVAILABLE else 0
            self.agent_seen(replace(known, presence=presence, idle_since_ms=idle))

    def clocks_replaced(self, clocks: Iterable[Clock]) -> None:
        """All open clocks there are."""
        self._clocks = {clock.clock_id: clock for clock in clocks}
        self.version += 1

    def clock_seen(self, clock: Clock, *, is_open: bool) -> None:
        """A clock as it is now; one that has ended leaves the board."""
        if is_open:
            self._clocks[clock.clock_id] = clock
        else:
            self._clocks.pop(clock.clock_id, None)
        self.version += 1

    def windows_replaced(self, windows: Iterable[Window]) -> None:
        """All windows of the last hour."""
        self._windows = {window.key: window for window in windows}
        self.version += 1

    def window_seen(self, window: Window) -> None:
        """A window as it is now, unless a newer one is known."""
        known = self._windows.get(window.key)
        if known is None or known.revision < window.revision:
            self._windows[window.key] = window
            self.version += 1

    def indicators_seen(self, indicators: Iterable[object]) -> None:
        """Indicators over the last hour; none means that they have not changed."""
        if found := tuple(indicators):
            self._indicators = found
            self.version += 1

    def conversations_replaced(self, open_ids: Iterable[str]) -> None:
        """All open conversations there are."""
        self._open = set(open_ids)
        self.version += 1

    def conversation_seen(self, conversation_id: str, *, is_open: bool) -> None:
        """A conversation is open, or no longer."""
        if (conversation_id in self._open) != is_open:
            (self._open.add if is_open else self._open.discard)(conversation_id)
            self.version += 1

    def happened(self, line: Line) -> None:
        """Something to tell people."""
        self._lines.appendleft(line)
        self.version += 1

    def view(self, now_ms: int, pools: frozenset[str] = frozenset()) -> View:
        """What a browser that asks for these pools may be shown; none means all."""

        def wanted(pool: str) -> bool:
            return not pools or pool in pools

        self._windows = {
            key: window
            for key, window in self._windows.items()
            if window.start_ms > now_ms - HOUR_MS
        }
        queues = self._queues(wanted)
        clocks = [clock for clock in self._clocks.values() if wanted(clock.pool)]
        windows = {key: w for key, w in self._windows.items() if wanted(w.pool)}
        agents = self._shown_agents(wanted)
        return View(
            queues=queues,
            agents=agents,
            clocks={clock.clock_id: clock for clock in _next_due(clocks)},
            windows=windows,
            lines=tuple(self._lines),
            sources=dict(self._sources),
            indicators=self._indicators,
            totals=Totals(
                open_conversations=len(self._open),
                queued=sum(queue.queued for queue in queues.values()),
                assigned=sum(queue.assigned for queue in queues.values()),
                agents_available=_available(agents.values()),
                clocks_running=sum(clock.is_running for clock in clocks),
                clocks_breached=sum(window.clocks_breached for window in windows.values()),
            ),
        )

    def _shown_agents(self, wanted: Callable[[str], bool]) -> dict[str, Agent]:
        held = Counter(
            work.agent_id for work in self._work.values() if work.state is WorkState.ASSIGNED
        )
        return {
            agent_id: replace(agent, assigned=held[agent_id])
            for agent_id, agent in sorted(self._agents.items())
            if not agent.pools or any(map(wanted, agent.pools))
        }

    def _queues(self, wanted: Callable[[str], bool]) -> dict[str, Queue]:
        work: dict[str, list[Work]] = {pool: [] for pool in sorted(self._pools)}
        for item in self._work.values():
            work.setdefault(item.pool, []).append(item)
        available: Counter[str] = Counter()
        signed_in: Counter[str] = Counter()
        for agent in self._agents.values():
            if agent.presence is not Presence.OFFLINE:
                signed_in.update(agent.pools)
            if agent.presence is Presence.AVAILABLE:
                available.update(agent.pools)
        return {
            pool: replace(
                _queue(pool, items),
                agents_available=available[pool],
                agents_signed_in=signed_in[pool],
            )
            for pool, items in work.items()
            if wanted(pool)
        }


def _queue(pool: str, work: Iterable[Work]) -> Queue:
    states: Counter[WorkState] = Counter()
    oldest = 0
    for item in work:
        states[item.state] += 1
        if item.state is not WorkState.ASSIGNED:
            oldest = min(oldest or item.arrived_at_ms, item.arrived_at_ms)
    return Queue(
        pool=pool,
        queued=states[WorkState.QUEUED],
        offered=states[WorkState.OFFERED],
        assigned=states[WorkState.ASSIGNED],
        oldest_arrived_at_ms=oldest,
    )


def _available(agents: Iterable[Agent]) -> int:
    return sum(agent.presence is Presence.AVAILABLE for agent in agents)


def _next_due(clocks: Iterable[Clock]) -> list[Clock]:
    """The clocks that come due first; those that stand still come last."""
    return nsmallest(
        CLOCKS_MAX, clocks, key=lambda clock: (not clock.due_at_ms, clock.due_at_ms, clock.clock_id)
    )
