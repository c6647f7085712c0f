"""A scenario: who works, what comes in, by which policy. Read from YAML, and refused with a reason.

Everything that a domain is told in production is here: pools, channels, skills, levels, languages,
capacity. What only chance tells is drawn: see `chance.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from local.errors import StackError
from local.scenarios.chance import Duration, Phase, Strict
from services.routing.core.kinds import Channel, Level, Tier

AT_ONCE = Duration(constant=0)
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
SkillLevel = Annotated[int, Field(ge=1, le=5)]


class Limit(Strict):
    """What one item of a channel costs an agent, and how many at a time; 0 sets no number."""

    cost: Annotated[int, Field(ge=1, le=100_000)]
    max_items: Annotated[int, Field(ge=0, le=100)] = 0


class Group(Strict):
    """Agents who are alike. They accept after `answer`, decline or miss a share of their offers."""

    name: Name
    count: Annotated[int, Field(ge=0, le=10_000)]
    pools: Annotated[tuple[Name, ...], Field(min_length=1)]
    skills: Mapping[Name, SkillLevel] = Field(default_factory=dict)
    languages: tuple[str, ...] = ()
    channels: Mapping[Channel, Limit] = Field(default_factory=dict)
    level: Level = Level.L1
    capacity: Annotated[int, Field(ge=1, le=100_000)] = 100
    answer: Duration = AT_ONCE
    declines: Share = 0.0
    misses: Share = 0.0

    @field_validator("level", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return _level(value)


class Retrial(Strict):
    """Of those who gave up, a share tries again."""

    share: Share
    after: Duration


class Demand(Strict):
    """Work of one kind. Without `patience` nobody gives up."""

    name: Name
    pool: Name
    channel: Channel = Channel.VOICE
    language: str = ""
    skills: Mapping[Name, SkillLevel] = Field(default_factory=dict)
    tier: Tier = Tier.BASIC
    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    level: Level = Level.L1
    arrivals: Annotated[tuple[Phase, ...], Field(min_length=1)]
    service: Duration
    patience: Duration | None = None
    retrial: Retrial | None = None
    target_seconds: Annotated[float, Field(gt=0)] = 20.0

    @field_validator("arrivals", mode="before")
    @classmethod
    def _steady(cls, value: Any) -> Any:
        """One number is a rate that never changes."""
        steady = isinstance(value, int | float)
        return ({"from_minutes": 0, "per_hour": value},) if steady else value

    @field_validator("level", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return _level(value)

    @field_validator("arrivals")
    @classmethod
    def _in_order(cls, value: tuple[Phase, ...]) -> tuple[Phase, ...]:
        begins = [phase.from_minutes for phase in value]
        if begins != sorted(set(begins)):
            raise ValueError("phases begin one after another")
        return value


class Times(Strict):
    """What the policy says of times; the rest is the default policy's."""

    offer_timeout_seconds: Annotated[float, Field(gt=0)] | None = None
    decline_cooldown_seconds: Annotated[float, Field(ge=0)] | None = None
    wrap_up_seconds: Annotated[float, Field(ge=0)] | None = None


class Scenario(Strict):
    """A day of a contact center, played `replications` times with other dice.

    What comes in during the first `warm_up_minutes` is served and not counted.
    """

    name: Name
    seed: int = 1
    replications: Annotated[int, Field(ge=2, le=10_000)] = 20
    hours: Annotated[float, Field(gt=0, le=24 * 31)] = 8.0
    warm_up_minutes: Annotated[float, Field(ge=0)] = 0.0
    policy: Times = Times()
    agents: Annotated[tuple[Group, ...], Field(min_length=1)]
    work: Annotated[tuple[Demand, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_together(self) -> Scenario:
        for what, names in (("agents", self.agents), ("work", self.work)):
            if len({each.name for each in names}) < len(names):
                raise ValueError(f"two of {what} have one name")
        if self.warm_up_minutes >= self.hours * 60:
            raise ValueError("warm_up_minutes leave nothing to count")
        served = {pool for group in self.agents for pool in group.pools}
        for demand in self.work:
            if demand.pool not in served:
                raise ValueError(f"nobody serves the pool {demand.pool} of {demand.name}")
        return self


def read(path: Path) -> Scenario:
    """The scenario in a file. Raises `StackError`, which says where it is wrong."""
    try:
        return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise StackError(f"{path} is no YAML: {error}") from None
    except ValidationError as error:
        reasons = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors())
        raise StackError(f"{path}: {reasons}") from None


def _place(location: Sequence[int | str]) -> str:
    return ".".join(map(str, location)) or "scenario"


def _level(value: Any) -> Any:
    """A level by its name, as everywhere else."""
    return Level[value] if isinstance(value, str) and value in Level.__members__ else value
