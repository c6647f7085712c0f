"""Plays all days of a scenario, on all cores: each day has its own dice and knows of no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from local.scenarios import figures
from local.scenarios.center import Center
from local.scenarios.figures import Figures
from local.scenarios.scenario import Scenario


def play(scenario: Scenario, *, played: Callable[[], object]) -> list[Figures]:
    """The figures of each day, in order; `played` hears of each when it is done."""
    days = range(scenario.replications)
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(days)), get_context("spawn")) as pool:
        playing = [pool.submit(_day, scenario, number) for number in days]
        for _ in as_completed(playing):
            played()
        return [day.result() for day in playing]


def _day(scenario: Scenario, replication: int) -> Figures:
    return figures.of(Center(scenario, replication).play())
