"""The words of the board: rows of its tables. `payload` is the message behind a row, untouched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class WorkState(StrEnum):
    """Where open work stands."""

    QUEUED = "QUEUED"
    OFFERED = "OFFERED"
    ASSIGNED = "ASSIGNED"


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of open work."""

    work_id: str
    pool: str
    state: WorkState
    arrived_at_ms: int
    agent_id: str = ""


class Presence(StrEnum):
    """Whether an agent takes work."""

    AVAILABLE = "AVAILABLE"
    BUSY = "BUSY"
    AWAY = "AWAY"
    OFFLINE = "OFFLINE"
    NO_ANSWER = "NO_ANSWER"


@dataclass(frozen=True, slots=True)
class Agent:
    """Who does the work. `assigned` counts the conversations the agent holds."""

    agent_id: str
    display_name: str
    presence: Presence
    used_capacity: int
    capacity: int
    idle_since_ms: int
    pools: tuple[str, ...] = ()
    assigned: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """A pool's line: who waits, who could help."""

    pool: str
    queued: int = 0
    offered: int = 0
    assigned: int = 0
    oldest_arrived_at_ms: int = 0
    agents_available: int = 0
    agents_signed_in: int = 0


@dataclass(frozen=True, slots=True)
class Clock:
    """A promise that runs; `due_at_ms` is 0 while it is paused."""

    clock_id: str
    due_at_ms: int
    pool: str
    is_running: bool
    payload: object


@dataclass(frozen=True, slots=True)
class Window:
    """A minute's indicators of one pool and channel."""

    key: tuple[int, str, int]  # start, pool, channel
    revision: int
    clocks_breached: int
    payload: object

    @property
    def start_ms(self) -> int:
        """When the minute began."""
        return self.key[0]

    @property
    def pool(self) -> str:
        """The pool; empty for facts of none."""
        return self.key[1]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ticker: no bodies, no addresses."""

    event_id: str
    occurred_at_ms: int
    kind: str
    topic: str
    conversation_id: str = ""
    agent_id: str = ""
    detail: str = ""


class SourceState(StrEnum):
    """Whether a part of the board is fresh."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    STALE = "STALE"


@dataclass(frozen=True, slots=True)
class Source:
    """One service that the board is made of."""

    name: str
    state: SourceState
    since_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the board."""

    open_conversations: int = 0
    queued: int = 0
    assigned: int = 0
    agents_available: int = 0
    clocks_running: int = 0
    clocks_breached: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """The board as one looks at it: what a browser may be shown, and no more.

    Clocks are the next to come due, lines the latest first.
    """

    queues: Mapping[str, Queue] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    windows: Mapping[tuple[int, str, int], Window] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    indicators: tuple[object, ...] = ()
    totals: Totals = Totals()


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two looks. Rows replace rows of the same key."""

    queues: tuple[Queue, ...] = ()
    agents: tuple[Agent, ...] = ()
    clocks: tuple[Clock, ...] = ()
    windows: tuple[Window, ...] = ()
    lines: tuple[Line, ...] = ()
    sources: tuple[Source, ...] = ()
    indicators: tuple[object, ...] = ()
    totals: Totals | None = None
    removed_agent_ids: tuple[str, ...] = ()
    removed_clock_ids: tuple[str, ...] = ()
