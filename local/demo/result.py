"""What a run comes to: one JSON object, one table, one exit status."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import psutil

from local.demo import canaries
from local.demo.drain import Drained
from local.demo.figures import Figures
from local.demo.latency import Latencies, summary
from local.process import find
from local.state import StackState
from local.verify.finding import Kind, Report
from local.verify.world import World


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that is known about a run when it is over."""

    rate: float
    seconds: float
    figures: Figures
    delivered: int
    breached: int
    drained: Drained
    latencies: Latencies
    report: Report
    rss_mb: dict[str, float]
    planted: int = len(canaries.ALL)
    """Canaries that the traffic carried."""

    @property
    def succeeded(self) -> bool:
        """Tell whether nothing was lost, doubled or violated, and all came to an end."""
        return self.report.holds and self.drained.empty

    def document(self) -> dict[str, Any]:
        """Give the run as JSON."""
        figures = asdict(self.figures)
        return {
            "rate": self.rate,
            "seconds": self.seconds,
            **{name: figures[name] for name in _COUNTED},
            "delivered": self.delivered,
            "breached": self.breached,
            **{kind.value: self.report.count(kind) for kind in Kind},
            "webhook_to_offer_ms": summary(self.latencies.to_offer),
            "webhook_to_delivered_ms": summary(self.latencies.to_delivered),
            "rss_mb": self.rss_mb,
            "backlog": self.drained.left,
            "drain_seconds": round(self.drained.seconds, 1),
            "problems": figures["problems"],
            "canaries": self.planted,
            "findings": self.report.document()["findings"],
        }


_COUNTED = (
    "sent",
    "accepted",
    "refused",
    "unknown",
    "retried",
    "offered",
    "declined",
    "ignored",
    "assigned",
    "replied",
    "resolved",
    "surveyed",
    "answered",
    "withdrawn",
)


DELIVERED = frozenset({"DELIVERED", "READ"})
TELLS_NO_MORE = frozenset({"TELEGRAM", "LINE", "SLACK"})
"""Channels whose providers say that they have a message, and nothing after that."""


def delivered_since(world: World, began_ms: int) -> int:
    """Give how many replies of the run were delivered, as far as their providers tell."""
    return sum(
        facts[0].append_ms >= began_ms
        and facts[0].purpose == "REPLY"
        and _is_delivered(facts[0].channel, world.deliveries.get(message_id, ""))
        for message_id, facts in world.replies.items()
    )


def _is_delivered(channel: str, status: str) -> bool:
    return status in DELIVERED or (status == "SENT" and channel in TELLS_NO_MORE)


def breached_since(world: World, began_ms: int) -> int:
    """Give how many clocks breached in the run."""
    return sum(
        step.step == "breached" and step.append_ms >= began_ms
        for steps in world.clocks.values()
        for step in steps
    )


def resident_mb(state: StackState) -> dict[str, float]:
    """Give the resident memory of each service, of its largest process, in MB."""
    found: dict[str, float] = {}
    for each in state.processes:
        process = find(each.pid, created_s=each.created_s) if each.pid else None
        if process is not None and each.service != "postgres":
            rss_mb = round(_rss(process) / 1e6, 1)
            found[each.service] = max(found.get(each.service, 0.0), rss_mb)
    return found


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
