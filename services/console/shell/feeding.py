"""What each upstream tells, put on the board. A snapshot in parts counts when it is complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from switchboard.insights.v1.insights_service_pb2 import WatchKpisResponse
from switchboard.intake.v1.conversation_service_pb2 import WatchConversationsResponse
from switchboard.routing.v1.events_pb2 import RoutingEvent
from switchboard.routing.v1.routing_service_pb2 import WatchQueuesResponse
from switchboard.sla.v1.sla_service_pb2 import WatchSlaResponse

from services.console.core.board import Board
from services.console.core.model import WorkState
from services.console.shell import lines, wire


class Feeder(Protocol):
    """Puts the steps of one watch on the board."""

    def feed(self, response: Any) -> None:
        """One step."""


class _Snapshot:
    """Collects the parts of a snapshot; one that was cut off is forgotten when the next begins."""

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, response: Any) -> list[Any] | None:
        """All parts once the last has come, None before."""
        if response.replace:
            self._parts = []
        self._parts.append(response.snapshot)
        return self._parts if response.snapshot.complete else None


class Queues:
    """WatchQueues: open work, and what happens to it and to agents."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._snapshot = _Snapshot()

    def feed(self, response: WatchQueuesResponse) -> None:
        """One step."""
        match response.WhichOneof("kind"):
            case "snapshot":
                if parts := self._snapshot.add(response):
                    pools = [queue.pool for part in parts for queue in part.queues]
                    work = [wire.work_of(item) for part in parts for item in part.work]
                    self._board.work_replaced(pools, [item for item in work if item])
            case "change":
                self._change(response.change)

    def _change(self, event: RoutingEvent) -> None:
        kind = event.WhichOneof("kind") or ""
        if kind in _APPLY:
            _APPLY[kind](self._board, event)
        if line := lines.routing_line(event):
            self._board.happened(line)


def _seen(board: Board, item: Any) -> None:
    work = wire.work_of(item)
    if work is None:
        board.work_ended(item.work_id)
    else:
        board.work_seen(work)


def _agent_changed(board: Board, event: RoutingEvent) -> None:
    agent = wire.agent_of(event.agent_changed.agent)
    if event.agent_changed.removed:
        board.agent_removed(agent.agent_id)
    else:
        board.agent_seen(agent)


def _presence_changed(board: Board, event: RoutingEvent) -> None:
    changed = event.agent_presence_changed
    presence = wire.presence_of(changed.to_presence)
    board.presence_changed(changed.agent_id, presence, event.occurred_at_ms)


_APPLY: Final[dict[str, Callable[[Board, RoutingEvent], None]]] = {
    "queued": lambda board, event: _seen(board, event.queued.work),
    "work_updated": lambda board, event: _seen(board, event.work_updated.work),
    "offered": lambda board, event: board.work_moved(
        event.work_id, WorkState.OFFERED, event.offered.offer.agent_id
    ),
    "assigned": lambda board, event: board.work_moved(
        event.work_id, WorkState.ASSIGNED, event.assigned.assignment.agent_id
    ),
    "completed": lambda board, event: board.work_ended(event.work_id),
    "abandoned": lambda board, event: board.work_ended(event.work_id),
    "agent_changed": _agent_changed,
    "agent_presence_changed": _presence_changed,
}


class Clocks:
    """WatchSla: open clocks."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._snapshot = _Snapshot()

    def feed(self, response: WatchSlaResponse) -> None:
        """One step."""
        match response.WhichOneof("kind"):
            case "snapshot":
                if parts := self._snapshot.add(response):
                    clocks = [clock for part in parts for clock in part.clocks]
                    self._board.clocks_replaced(map(wire.clock_of, filter(wire.is_open, clocks)))
            case "change":
                event = response.change
                if event.HasField("clock"):
                    clock = wire.clock_of(event.clock)
                    self._board.clock_seen(clock, is_open=wire.is_open(event.clock))
                if line := lines.sla_line(event):
                    self._board.happened(line)


class Kpis:
    """WatchKpis: windows of the last hour, and the indicators over them."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._snapshot = _Snapshot()

    def feed(self, response: WatchKpisResponse) -> None:
        """One step."""
        match response.WhichOneof("kind"):
            case "snapshot":
                if parts := self._snapshot.add(response):
                    windows = [window for part in parts for window in part.windows]
                    self._board.windows_replaced(map(wire.window_of, windows))
            case "change":
                self._board.window_seen(wire.window_of(response.change))
        self._board.indicators_seen(response.indicators)


class Conversations:
    """WatchConversations: which are open, and what happens in them."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._snapshot = _Snapshot()

    def feed(self, response: WatchConversationsResponse) -> None:
        """One step."""
        match response.WhichOneof("kind"):
            case "snapshot":
                if parts := self._snapshot.add(response):
                    found = [item for part in parts for item in part.conversations]
                    self._board.conversations_replaced(
                        item.ref.conversation_id
                        for item in found
                        if wire.is_open_conversation(item.ref)
                    )
            case "change":
                ref = response.change.conversation
                self._board.conversation_seen(
                    ref.conversation_id, is_open=wire.is_open_conversation(ref)
                )
                if line := lines.conversation_line(response.change):
                    self._board.happened(line)
