"""Figures of a scenario as tables, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from local.scenarios.figures import Estimate
from local.scenarios.scenario import Scenario

Estimates = Mapping[tuple[str, str], Estimate]
OF_WORK: Final = (
    ("arrived", "arrived"),
    ("served", "served"),
    ("abandonment", "abandoned"),
    ("service_level", "service level"),
    ("service_level_short_excluded", "without who left early"),
    ("waiting", "had to wait"),
    ("mean_wait_s", "mean wait"),
    ("p90_wait_s", "90 % within"),
)
OCCUPANCY: Final = "occupancy"
SHARES: Final = frozenset(
    {"abandonment", "service_level", "service_level_short_excluded", "waiting", OCCUPANCY}
)


def tables(scenario: Scenario, found: Estimates, *, changed: bool = False) -> Iterator[Table]:
    """One of work, one of agents. Of a change, what may be chance is dim."""
    names = list(dict.fromkeys(name for name, what in found if what == "arrived"))
    yield _table(
        f"{scenario.name}: {scenario.replications} days",
        ["", *names],
        [
            [title, *(_cell(found.get((name, what)), what, changed=changed) for name in names)]
            for what, title in OF_WORK
        ],
    )
    occupied = (found.get((group.name, OCCUPANCY)) for group in scenario.agents)
    cells = [_cell(share, OCCUPANCY, changed=changed) for share in occupied]
    rows = [
        [group.name, str(group.count), cell]
        for group, cell in zip(scenario.agents, cells, strict=True)
    ]
    yield _table("", ["agents", "number", "occupied"], rows)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(head):
        table.add_column(escape(name), justify="right" if number else "left")
    for first, *others in rows:
        table.add_row(escape(first), *others)
    return table


def described(scenario: Scenario, found: Estimates) -> dict[str, Any]:
    """As JSON: of each name its figures, each a mean and half of its interval."""
    by_name: dict[str, dict[str, dict[str, float]]] = {}
    for (name, what), estimate in found.items():
        by_name.setdefault(name, {})[what] = {"mean": estimate.mean, "half": estimate.half}
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "replications": scenario.replications,
        "figures": by_name,
    }


def _cell(estimate: Estimate | None, what: str, *, changed: bool) -> str:
    if estimate is None:
        return "–"
    sign = "+" if changed else ""
    if what in SHARES:
        shown = f"{estimate.mean * 100:{sign}.1f} ± {estimate.half * 100:.1f} %"
    elif what.endswith("_s"):
        shown = f"{estimate.mean:{sign}.1f} ± {estimate.half:.1f} s"
    else:
        shown = f"{estimate.mean:{sign}.1f} ± {estimate.half:.1f}"
    return f"[dim]{shown}[/dim]" if changed and not estimate.is_certain else shown
