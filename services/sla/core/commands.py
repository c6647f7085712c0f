"""What the clocks can be told."""

from __future__ import annotations

from dataclasses import dataclass

from services.sla.core.model import Fact


@dataclass(frozen=True, slots=True)
class Observe:
    """Something happened to the conversation."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Judge:
    """Time has passed: see whether a warning or a deadline has."""


Command = Observe | Judge
