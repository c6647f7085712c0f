"""Between the wire and the board: rows from the watches' messages, messages from views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from switchboard.console.v1 import console_service_pb2 as pb
from switchboard.insights.v1 import model_pb2 as insights
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.sla.v1 import model_pb2 as sla

from services.console.core.model import (
    Agent,
    Change,
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

_WORK_STATES: Final = {
    routing.WORK_STATE_QUEUED: WorkState.QUEUED,
    routing.WORK_STATE_OFFERED: WorkState.OFFERED,
    routing.WORK_STATE_ASSIGNED: WorkState.ASSIGNED,
}
_PRESENCES: Final[Mapping[int, Presence]] = {
    routing.PRESENCE_AVAILABLE: Presence.AVAILABLE,
    routing.PRESENCE_BUSY: Presence.BUSY,
    routing.PRESENCE_AWAY: Presence.AWAY,
    routing.PRESENCE_OFFLINE: Presence.OFFLINE,
    routing.PRESENCE_NO_ANSWER: Presence.NO_ANSWER,
}
_PRESENCE_NUMBERS: Final[Mapping[Presence, Any]] = {
    state: number for number, state in _PRESENCES.items()
}
_SOURCE_STATES: Final = {
    SourceState.CONNECTING: pb.SOURCE_STATE_CONNECTING,
    SourceState.LIVE: pb.SOURCE_STATE_LIVE,
    SourceState.STALE: pb.SOURCE_STATE_STALE,
}
_OPEN_CLOCKS: Final = frozenset({sla.CLOCK_STATE_RUNNING, sla.CLOCK_STATE_PAUSED})


def work_of(item: routing.WorkItem) -> Work | None:
    """A piece of work, None where it is not open."""
    state = _WORK_STATES.get(item.state)
    if state is None:
        return None
    return Work(item.work_id, item.pool, state, item.arrived_at_ms, item.agent_id)


def presence_of(number: int) -> Presence:
    """A presence; offline where it is not given."""
    return _PRESENCES.get(number, Presence.OFFLINE)


def agent_of(message: routing.Agent) -> Agent:
    """An agent."""
    return Agent(
        agent_id=message.agent_id,
        display_name=message.display_name,
        presence=presence_of(message.presence),
        used_capacity=message.used_capacity,
        capacity=message.capacity,
        idle_since_ms=message.idle_since_ms,
        pools=tuple(message.pools),
    )


def clock_of(message: sla.Clock) -> Clock:
    """A clock."""
    return Clock(
        clock_id=message.clock_id,
        due_at_ms=message.due_at_ms,
        pool=message.pool,
        is_running=message.state == sla.CLOCK_STATE_RUNNING,
        payload=message,
    )


def is_open(message: sla.Clock) -> bool:
    """Whether the clock's question is still open."""
    return message.state in _OPEN_CLOCKS


def window_of(message: insights.KpiWindow) -> Window:
    """A window."""
    return Window(
        key=(message.window_start_ms, message.pool, message.channel),
        revision=message.revision,
        clocks_breached=message.clocks_breached,
        payload=message,
    )


def is_open_conversation(ref: intake.ConversationRef) -> bool:
    """Whether the customer waits."""
    return ref.status == intake.CONVERSATION_STATUS_OPEN


def snapshot_message(view: View, now_ms: int) -> pb.Wallboard:
    """All of a view."""
    board = pb.Wallboard(now_ms=now_ms, totals=_totals(view.totals))
    board.queues.extend(map(_queue, view.queues.values()))
    board.agents.extend(map(_agent, view.agents.values()))
    board.clocks.extend(_payloads(view.clocks.values()))
    board.windows.extend(_payloads(view.windows.values()))
    board.events.extend(map(_line, view.lines))
    board.sources.extend(map(_source, view.sources.values()))
    _indicators(board, view)
    return board


def change_message(change: Change, now_ms: int) -> pb.WallboardChange:
    """What differs between two views."""
    board = pb.WallboardChange(
        now_ms=now_ms,
        totals=None if change.totals is None else _totals(change.totals),
        removed_agent_ids=change.removed_agent_ids,
        removed_clock_ids=change.removed_clock_ids,
    )
    board.queues.extend(map(_queue, change.queues))
    board.agents.extend(map(_agent, change.agents))
    board.clocks.extend(_payloads(change.clocks))
    board.windows.extend(_payloads(change.windows))
    board.events.extend(map(_line, change.lines))
    board.sources.extend(map(_source, change.sources))
    _indicators(board, change)
    return board


def _payloads(rows: Any) -> list[Any]:
    return [row.payload for row in rows]


def _indicators(board: Any, shown: View | Change) -> None:
    board.indicators.extend(shown.indicators)


def _queue(queue: Queue) -> routing.QueueStats:
    return routing.QueueStats(
        pool=queue.pool,
        queued=queue.queued,
        offered=queue.offered,
        assigned=queue.assigned,
        oldest_arrived_at_ms=queue.oldest_arrived_at_ms,
        agents_available=queue.agents_available,
        agents_signed_in=queue.agents_signed_in,
    )


def _agent(agent: Agent) -> pb.WallboardAgent:
    return pb.WallboardAgent(
        agent_id=agent.agent_id,
        display_name=agent.display_name,
        presence=_PRESENCE_NUMBERS[agent.presence],
        used_capacity=agent.used_capacity,
        capacity=agent.capacity,
        assigned=agent.assigned,
        idle_since_ms=agent.idle_since_ms,
    )


def _line(line: Line) -> pb.WallboardEvent:
    return pb.WallboardEvent(
        event_id=line.event_id,
        occurred_at_ms=line.occurred_at_ms,
        kind=line.kind,
        conversation_id=line.conversation_id,
        agent_id=line.agent_id,
        topic=line.topic,
        detail=line.detail,
    )


def _source(source: Source) -> pb.WallboardSource:
    return pb.WallboardSource(
        name=source.name,
        state=_SOURCE_STATES[source.state],
        since_ms=source.since_ms,
        detail=source.detail,
    )


def _totals(totals: Totals) -> pb.WallboardTotals:
    return pb.WallboardTotals(
        open_conversations=totals.open_conversations,
        queued=totals.queued,
        assigned=totals.assigned,
        agents_available=totals.agents_available,
        clocks_running=totals.clocks_running,
        clocks_breached=totals.clocks_breached,
    )
