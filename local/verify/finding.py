"""What the reconciler finds, and how many of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """How bad a finding is. The first three must not happen."""

    LOST = "lost"
    DOUBLED = "doubled"
    VIOLATION = "violations"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that doesn't fit: what it is, its id, and why."""

    kind: Kind
    what: str
    id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and how much was looked at."""

    findings: tuple[Finding, ...]
    looked_at: Mapping[str, int] = field(default_factory=dict)

    def count(self, kind: Kind) -> int:
        """Give the number of findings of a kind."""
        return sum(each.kind is kind for each in self.findings)

    @property
    def holds(self) -> bool:
        """Tell whether nothing was lost, doubled or violated."""
        return not any(self.count(kind) for kind in (Kind.LOST, Kind.DOUBLED, Kind.VIOLATION))

    def document(self) -> dict[str, Any]:
        """Give the report as JSON: a count a kind, then the findings with their ids."""
        return {
            **{kind.value: self.count(kind) for kind in Kind},
            "looked_at": dict(self.looked_at),
            "findings": [asdict(each) for each in self.findings],
        }


def lost(what: str, found_id: str, detail: str) -> Finding:
    """Make a finding of something that was accepted and is nowhere."""
    return Finding(Kind.LOST, what, found_id, detail)


def doubled(what: str, found_id: str, detail: str) -> Finding:
    """Make a finding of something that happened more often than it should."""
    return Finding(Kind.DOUBLED, what, found_id, detail)


def violation(what: str, found_id: str, detail: str) -> Finding:
    """Make a finding of a broken invariant."""
    return Finding(Kind.VIOLATION, what, found_id, detail)


def uncertain(what: str, found_id: str, detail: str) -> Finding:
    """Make a finding of something whose fate nobody knows."""
    return Finding(Kind.UNCERTAIN, what, found_id, detail)


def report(findings: Iterable[Finding], looked_at: Mapping[str, int]) -> Report:
    """Make a report, findings in a stable order."""
    return Report(tuple(sorted(findings)), looked_at)
