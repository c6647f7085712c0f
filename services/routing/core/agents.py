"""Agents: what they can do, whether they take work, and what they have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from immutables import Map

from services.routing.core.kinds import Channel, Hold, Level, Presence

Idle = tuple[int, str]  # idle since (unix ms), agent id: least is asked first
Room = tuple[int, tuple[Channel, ...]]  # free capacity, channels with all the items they may have


@dataclass(frozen=True, slots=True)
class ChannelCapacity:
    """What one item on a channel costs an agent, and how many at a time (0: as capacity allows)."""

    cost: int
    max_items: int = 0


Channels = Map[Channel, ChannelCapacity]


@dataclass(frozen=True, slots=True)
class Profile:
    """What an agent can do.

    `skills` are name → level 1–5; `languages` are primary subtags, none meaning any; `channels`
    are those served; `capacity` is what their costs are paid from.
    """

    pools: tuple[str, ...]
    capacity: int
    skills: Map[str, int] = Map()
    languages: tuple[str, ...] = ()
    channels: Channels = Map()
    level: Level = Level.L1

    @property
    def key(self) -> str:
        """Names the bench; equal for equal profiles."""
        skills = ",".join(f"{name}={self.skills[name]}" for name in sorted(self.skills))
        channels = ",".join(
            f"{name}={self.channels[name].cost}x{self.channels[name].max_items}"
            for name in sorted(self.channels)
        )
        pools, languages = ",".join(self.pools), ",".join(self.languages)
        return f"{pools}|{self.capacity}|{skills}|{languages}|{channels}|{self.level.value}"


@dataclass(frozen=True, slots=True)
class Engagement:
    """One use of an agent's capacity, from the offer (`asked_ms`) to the end of the wrap-up.

    `hold_id` is the id of the offer, then of the assignment. Who gave work away and got it back may
    write up the first time while they have it again.
    """

    hold_id: str
    work_id: str
    hold: Hold
    channel: Channel
    cost: int
    asked_ms: int
    override: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One open stream of an agent, held by the process `edge_id`.

    `sequence` is that of the latest statement about presence; an older one is ignored.
    """

    session_id: str
    edge_id: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Agent:
    """A person or bot who takes work. Several sessions (tabs) are one presence.

    `engagements` are ordered by work id and hold.
    `missed` are the offers in a row that passed unanswered. `grace_until_ms` is when an agent whose
    last connection broke goes offline; 0 while there is no such wait.
    """

    agent_id: str
    display_name: str
    profile: Profile
    bench: str  # profile.key, kept because it is looked up at every step
    presence: Presence = Presence.OFFLINE
    idle_since_ms: int = 0
    sessions: tuple[Session, ...] = ()
    engagements: tuple[Engagement, ...] = ()
    missed: int = 0
    grace_until_ms: int = 0
    version: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether offers reach them: available, and connected."""
        return self.presence is Presence.AVAILABLE and bool(self.sessions)

    @property
    def is_here(self) -> bool:
        """Whether they can be given work by hand: signed in, connected, and not away."""
        return self.presence in _HERE and bool(self.sessions)

    @property
    def overridden(self) -> int:
        """What of `used` was given by an override; only by so much may it be above capacity."""
        return sum(engagement.cost for engagement in self.engagements if engagement.override)

    @property
    def used(self) -> int:
        """Capacity taken: pending, assigned and wrapping up."""
        return sum(engagement.cost for engagement in self.engagements)

    @property
    def room(self) -> Room:
        """What they could still take."""
        free = self.profile.capacity - self.used
        limited = [(c, its.max_items) for c, its in self.profile.channels.items() if its.max_items]
        if not limited:
            return (free, ())
        counts = Counter(engagement.channel for engagement in self.engagements)
        return (
            free,
            tuple(sorted(channel for channel, most in limited if counts[channel] >= most)),
        )

    @property
    def idle(self) -> Idle:
        """Longest idle first. Somebody who is being asked stands behind those who are not.

        An offer that comes to nothing leaves `idle_since_ms` alone, so it does not cost the turn.
        """
        asked = [e.asked_ms for e in self.engagements if e.hold is Hold.PENDING]
        return (max(self.idle_since_ms, *asked) if asked else self.idle_since_ms, self.agent_id)


_HERE = frozenset({Presence.AVAILABLE, Presence.BUSY})


@dataclass(frozen=True, slots=True)
class Edge:
    """A process that holds sessions. One lease stands for all of them: a dead edge loses it."""

    edge_id: str
    lease_until_ms: int
    sessions: Map[str, str] = Map()  # session id → agent id
