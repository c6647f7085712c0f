"""`switchboard simulate` and `switchboard staffing`: what a contact center would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from local.commands import console
from local.errors import StackError

if TYPE_CHECKING:
    from local.scenarios.figures import Figures
    from local.scenarios.scenario import Scenario

ScenarioArgument = Annotated[Path, typer.Argument(help="A scenario, YAML.")]
AgainstOption = Annotated[
    Path | None, typer.Option("--against", help="What if: another one, and what it changes.")
]
DaysOption = Annotated[int | None, typer.Option("--replications", min=2, help="Days to play.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Other dice.")]
AGENTS_MAX = 10_000


def simulate(
    path: ScenarioArgument,
    against: AgainstOption = None,
    replications: DaysOption = None,
    seed: SeedOption = None,
    output: console.OutputOption = console.Output.TEXT,
) -> None:
    """Play a scenario through the matcher that runs in production; in virtual time."""
    from local.scenarios import figures, report, scenario

    changes = {"replications": replications, "seed": seed}
    stated = {name: value for name, value in changes.items() if value is not None}
    here = scenario.read(path).model_copy(update=stated)
    days = _played(here)
    found = figures.estimates(days)
    described = {**report.described(here, found)}
    if against is not None:
        alike = {"replications": here.replications, "seed": here.seed}
        there = scenario.read(against).model_copy(update=alike)
        changed = figures.differences(days, after := _played(there))
        described["against"] = report.described(there, figures.estimates(after))
        described["changes"] = report.described(there, changed)["figures"]
    if output is console.Output.JSON:
        console.print_json(described)
        return
    for table in report.tables(here, found):
        console.out.print(table)
    if against is not None:
        console.out.print(f"What {there.name} changes (dim: may be chance)", markup=False)
        for table in report.tables(there, changed, changed=True):
            console.out.print(table)


def staffing(
    per_hour: Annotated[float, typer.Option(min=0.01, help="Calls an hour.")],
    service_seconds: Annotated[float, typer.Option(min=1, help="Mean handling time.")],
    level: Annotated[float, typer.Option(min=0.01, max=0.9999, help="Share within it.")] = 0.8,
    target_seconds: Annotated[float, typer.Option(min=0, help="Waiting that is all right.")] = 20.0,
    output: console.OutputOption = console.Output.TEXT,
) -> None:
    """Say how many agents keep a service level, by Erlang C: equal agents, patient customers."""
    from local.scenarios.erlang import ErlangC

    least = int(per_hour / 3600 * service_seconds) + 1
    for agents in range(least, least + AGENTS_MAX):
        found = ErlangC(per_hour / 3600, service_seconds, agents)
        if found.service_level(target_seconds) >= level:
            break
    else:
        raise StackError(f"more than {least + AGENTS_MAX} agents")
    figures = {
        "agents": agents,
        "service_level": found.service_level(target_seconds),
        "waiting": found.waiting,
        "mean_wait_s": found.mean_wait_s,
        "occupancy": found.load / agents,
    }
    if output is console.Output.JSON:
        console.print_json(figures)
        return
    console.out.print(
        f"{agents} agents: {figures['service_level']:.1%} within {target_seconds:g} s, "
        f"{figures['waiting']:.1%} wait, {figures['mean_wait_s']:.1f} s in the mean; "
        f"occupied {figures['occupancy']:.1%}"
    )


def _played(scenario: Scenario) -> list[Figures]:
    from rich.progress import Progress

    from local.scenarios.playing import play

    with Progress(console=console.err, transient=True) as progress:
        task = progress.add_task(scenario.name, total=scenario.replications)
        return play(scenario, played=lambda: progress.advance(task))
