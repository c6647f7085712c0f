"""What was measured, and what it comes to over the rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.report import Goal, table

P50_RATIO_MAX = 1.5
P99_RATIO_MAX = 5.0
SIDES = ("ours", "bare")


@dataclass(frozen=True, slots=True)
class Run:
    """One side at one rate in one round."""

    latencies_ms: Sequence[float]
    accepted_ms: Sequence[float]  # webhooks alone; empty for the bare side, which has none
    cpu_ms: Mapping[str, float]  # a message, by process


@dataclass(slots=True)
class Figures:
    """All runs, and what the processes take at rest."""

    runs: dict[tuple[str, int], list[Run]] = field(default_factory=dict)
    idle_percent: dict[str, float] = field(default_factory=dict)
    resident_mb: dict[str, float] = field(default_factory=dict)

    def add(self, side: str, rate: int, run: Run) -> None:
        """Keep a run."""
        self.runs.setdefault((side, rate), []).append(run)

    @property
    def rates(self) -> list[int]:
        """Messages a second, as they were driven."""
        return sorted({rate for _, rate in self.runs})

    def goals(self) -> list[Goal]:
        """What has to hold at each rate."""
        goals = []
        for rate in self.rates:
            tail = median(self._over("ours", rate, p99)) / median(self._over("ours", rate, p50))
            ratio = median(self._ratios(rate))
            goals += [
                Goal(f"p50 at {rate}/s against bare", ratio, P50_RATIO_MAX, at_most=True),
                Goal(f"p99 at {rate}/s against its p50", tail, P99_RATIO_MAX, at_most=True),
            ]
        return goals

    def show(self) -> None:
        """Print the tables."""
        table(
            ["webhook to offer, ms: median (range)", "p50", "p99"],
            [
                [f"{side} at {rate}/s", *(spread(self._over(side, rate, p)) for p in (p50, p99))]
                for rate in self.rates
                for side in SIDES
            ],
        )
        table(
            ["p50 against bare, by round: median (range)", ""],
            [[f"at {rate}/s", spread(self._ratios(rate), digits=2)] for rate in self.rates],
        )
        table(
            ["webhook accepted, ms", "p50", "p99"],
            [
                [f"at {rate}/s", *(spread(self._accepted(rate, p)) for p in (p50, p99))]
                for rate in self.rates
            ],
        )
        columns = [(side, rate) for side in SIDES for rate in self.rates]
        table(
            ["CPU ms a message", *(f"{side} at {rate}/s" for side, rate in columns)],
            [[name, *(self._cpu(name, *at) for at in columns)] for name in self._processes()],
        )
        table(
            ["at rest", "% of a core", "MB"],
            [
                [name, f"{percent:.1f}", f"{self.resident_mb[name]:.0f}"]
                for name, percent in self.idle_percent.items()
            ],
        )

    def _over(self, side: str, rate: int, take: Callable[[Sequence[float]], float]) -> list[float]:
        return [take(run.latencies_ms) for run in self.runs[side, rate]]

    def _ratios(self, rate: int) -> list[float]:
        """Ours to bare in each round: a machine that slows down between rounds is in neither."""
        ours, bare = (self._over(side, rate, p50) for side in SIDES)
        return [mine / limit for mine, limit in zip(ours, bare, strict=True)]

    def _accepted(self, rate: int, take: Callable[[Sequence[float]], float]) -> list[float]:
        return [take(run.accepted_ms) for run in self.runs["ours", rate]]

    def _processes(self) -> list[str]:
        every = (run.cpu_ms for runs in self.runs.values() for run in runs)
        return [*dict.fromkeys(name for cpu_ms in every for name in cpu_ms), "all"]

    def _cpu(self, name: str, side: str, rate: int) -> str:
        runs = self.runs[side, rate]
        if name == "all":
            return spread([sum(run.cpu_ms.values()) for run in runs], digits=2)
        found = [run.cpu_ms[name] for run in runs if name in run.cpu_ms]
        return spread(found, digits=2) if found else "-"


def p50(values: Sequence[float]) -> float:
    """The median."""
    return median(values)


def p99(values: Sequence[float]) -> float:
    """The 99th percentile."""
    return quantiles(values, n=100)[98]


def spread(values: Iterable[float], *, digits: int = 1) -> str:
    """Median and range."""
    found = sorted(values)
    return f"{median(found):.{digits}f} ({found[0]:.{digits}f}–{found[-1]:.{digits}f})"
