"""Scenarios: what theory says of simple ones, what is published of one, and what is refused."""

from __future__ import annotations

from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from local.cli import app
from local.errors import StackError
from local.scenarios import figures
from local.scenarios.center import Center
from local.scenarios.chance import Duration
from local.scenarios.erlang import ErlangA, ErlangC
from local.scenarios.figures import Estimate
from local.scenarios.scenario import Scenario, read

EXAMPLES = sorted(Path("local/scenarios/examples").glob("*.yaml"))
QUEUE: dict[str, Any] = {
    "name": "One queue",
    "replications": 8,
    "hours": 5,
    "warm_up_minutes": 60,
    "agents": [{"name": "agents", "count": 14, "pools": ["support"]}],
    "work": [
        {"name": "calls", "pool": "support", "arrivals": 200, "service": {"exponential": 180}}
    ],
}


def scenario(changes: dict[str, Any] | None = None, **work: Any) -> Scenario:
    """One queue of calls; `work` replaces what is said of them."""
    [calls] = QUEUE["work"]
    return Scenario.model_validate(QUEUE | {"work": [calls | work]} | (changes or {}))


def played(found: Scenario) -> dict[tuple[str, str], Estimate]:
    days = range(found.replications)
    return figures.estimates([figures.of(Center(found, day).play()) for day in days])


# Published numbers: pyworkforce's tests (Erlang C), and the same queue with patience (Erlang A).


def test_erlang_c_to_all_digits() -> None:
    queue = ErlangC(rate=100 / 1800, service_s=180, agents=14)
    assert (round(queue.waiting, 6), round(queue.service_level(20), 6)) == (0.174132, 0.888350)
    long_run = ErlangC(rate=4.2 / 60, service_s=120, agents=12)
    shown = (round(long_run.service_level(20), 4), round(long_run.mean_wait_s / 60, 4))
    assert shown == (0.8991, 0.1022)


def test_erlang_a_to_all_digits() -> None:
    queue = ErlangA(rate=100 / 1800, service_s=180, patience_s=300, agents=14)
    assert round(queue.waiting, 6) == 0.145260
    assert round(queue.abandonment, 6) == 0.013984
    assert round(queue.mean_wait_s / 60, 6) == 0.069919


def test_where_work_piles_up_everybody_waits_for_ever() -> None:
    queue = ErlangC(rate=1, service_s=10, agents=10)
    assert (queue.waiting, queue.service_level(60), queue.mean_wait_s) == (1, 0, float("inf"))


def test_patient_customers_wait_as_erlang_c_says() -> None:
    found = played(scenario())
    theory = ErlangC(rate=200 / 3600, service_s=180, agents=14)
    assert found["calls", "waiting"].holds(theory.waiting)
    assert found["calls", "service_level"].holds(theory.service_level(20))
    assert found["calls", "mean_wait_s"].holds(theory.mean_wait_s)
    assert found["agents", "occupancy"].holds(theory.load / theory.agents)
    assert found["calls", "abandoned"] == Estimate(0, 0)


def test_impatient_customers_leave_as_erlang_a_says() -> None:
    found = played(scenario(patience={"exponential": 300}))
    theory = ErlangA(rate=200 / 3600, service_s=180, patience_s=300, agents=14)
    assert found["calls", "waiting"].holds(theory.waiting)
    assert found["calls", "abandonment"].holds(theory.abandonment)


def test_two_languages_come_to_what_is_published() -> None:
    """The bilingual example of the ContactCenters library (Université de Montréal), by the week.

    There agents are chosen at random and here by their idle time, so how busy each group is
    differs; what customers notice does not.
    """
    busy_first = [
        {"from_minutes": 0, "per_hour": 100},
        {"from_minutes": 60, "per_hour": 50},
    ]
    kinds = {"english": [180, 420], "spanish": [240, 360]}
    found = played(
        Scenario.model_validate(
            {
                "name": "Two languages",
                "replications": 12,
                "hours": 9,
                "agents": [
                    {"name": "english", "count": 7, "pools": ["english"]},
                    {"name": "spanish", "count": 7, "pools": ["spanish"]},
                    {"name": "bilingual", "count": 4, "pools": ["english", "spanish"]},
                ],
                "work": [
                    {
                        "name": name,
                        "pool": name,
                        "arrivals": busy_first,
                        "service": {"uniform": bounds},
                        "patience": {"exponential": 120},
                        "retrial": {"share": 0.75, "after": {"constant": 1200}},
                        "target_seconds": 60,
                    }
                    for name, bounds in kinds.items()
                ],
            }
        )
    )
    assert found["all", "service_level"].holds(0.97938)
    for name, served, retrials in (("english", 2483.9, 54.07), ("spanish", 2483.3, 53.10)):
        assert found[name, "served"].holds(served / 5)
        assert found[name, "retrials"].holds(retrials / 5)


def test_two_skills_an_agent_are_almost_as_good_as_all() -> None:
    """Wallace and Whitt, "A Staffing Algorithm for Call Centers with Skill-Based Routing", 2005."""
    kinds = 4
    waits = {}
    for skills in (1, 2, kinds):
        groups = [
            {
                "name": f"g{kind}",
                "count": 10,
                "pools": [f"p{(kind + shift) % kinds}" for shift in range(skills)],
            }
            for kind in range(kinds)
        ]
        work = [
            {
                "name": f"w{kind}",
                "pool": f"p{kind}",
                "arrivals": 85 * 60 / 100,
                "service": {"exponential": 600},
            }
            for kind in range(kinds)
        ]
        found = played(scenario({"agents": groups, "work": work, "replications": 3}))
        waits[skills] = fmean(found[f"w{kind}", "waiting"].mean for kind in range(kinds))
    assert waits[2] < waits[1]
    assert (waits[1] - waits[2]) / (waits[1] - waits[kinds]) > 0.7


def test_a_day_is_the_same_again_and_another_with_other_dice() -> None:
    found = scenario()
    assert figures.of(Center(found, 3).play()) == figures.of(Center(found, 3).play())
    assert figures.of(Center(found, 3).play()) != figures.of(Center(found, 4).play())


def test_two_scenarios_with_one_seed_meet_the_same_customers() -> None:
    few, many = scenario(), scenario({"agents": [QUEUE["agents"][0] | {"count": 16}]})
    before, after = (
        [figures.of(Center(found, day).play()) for day in range(3)] for found in (few, many)
    )
    changed = figures.differences(before, after)
    assert changed["calls", "arrived"] == Estimate(0, 0)
    assert changed["calls", "waiting"].mean < 0
    assert changed["calls", "waiting"].is_certain
    assert set(figures.differences(before, before).values()) == {Estimate(0, 0)}


def test_urgent_work_waits_less() -> None:
    [calls] = QUEUE["work"]
    urgent = calls | {"name": "urgent", "arrivals": 40, "priority": 30, "tier": "INSPIRING"}
    found = played(scenario({"work": [calls, urgent], "replications": 3}))
    assert found["urgent", "mean_wait_s"].mean < found["calls", "mean_wait_s"].mean / 2


def test_writing_up_takes_time_from_an_agent() -> None:
    quiet, busy = scenario(), scenario({"policy": {"wrap_up_seconds": 20}})
    without, with_it = played(quiet), played(busy)
    more = with_it["agents", "occupancy"].mean - without["agents", "occupancy"].mean
    assert more == pytest.approx(200 / 3600 * 20 / 14, abs=0.01)


def test_who_declines_or_misses_is_not_asked_at_once_and_everybody_is_served() -> None:
    [agents] = QUEUE["agents"]
    lazy = agents | {"declines": 0.2, "misses": 0.1, "answer": {"uniform": [1, 5]}}
    found = played(scenario({"agents": [lazy], "replications": 3}))
    assert found["calls", "served"].mean == found["calls", "arrived"].mean
    assert found["calls", "mean_wait_s"].mean > 3


def test_who_gives_up_may_come_again_and_their_waiting_adds_up() -> None:
    again = {"share": 1, "after": {"constant": 60}}
    never = scenario(
        {"agents": [QUEUE["agents"][0] | {"count": 0}], "replications": 2},
        patience={"constant": 30},
        retrial=again,
        arrivals=20,
    )
    day = Center(never, 0).play()
    first = min(day.customers, key=lambda each: -each.tries)
    assert first.tries > 10
    assert first.waited_ms == first.tries * 30_000
    assert {each.outcome for each in day.customers} == {"abandoned"}


@pytest.mark.parametrize(
    ("stated", "mean", "deviation"),
    [
        ({"constant": 5}, 5, 0),
        ({"exponential": 180}, 180, 180),
        ({"uniform": [60, 120]}, 90, 60 / 12**0.5),
        ({"lognormal": {"mean": 240, "cv": 1.1}}, 240, 264),
        ({"gamma": {"mean": 240, "cv": 0.5}}, 240, 120),
    ],
)
def test_durations_have_the_mean_and_the_spread_that_are_stated(
    stated: dict[str, Any], mean: float, deviation: float
) -> None:
    dice = Random(1)
    drawn = [Duration.model_validate(stated).draw_ms(dice) / 1000 for _ in range(20_000)]
    assert fmean(drawn) == pytest.approx(mean, rel=0.05)
    assert stdev(drawn) == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"agents": []}, "agents"),
        ({"hours": 0}, "hours"),
        ({"people": 3}, "people: Extra inputs are not permitted"),
        ({"warm_up_minutes": 300}, "leave nothing to count"),
        ({"work": [QUEUE["work"][0] | {"pool": "nobodys"}]}, "nobody serves the pool nobodys"),
        ({"work": QUEUE["work"] * 2}, "two of work have one name"),
        ({"work": [QUEUE["work"][0] | {"service": {}}]}, "work.0.service: Value error, name one"),
        ({"work": [QUEUE["work"][0] | {"service": {"exponential": 0}}]}, "exponential"),
        ({"work": [QUEUE["work"][0] | {"channel": "FAX"}]}, "work.0.channel"),
        (
            {"work": [QUEUE["work"][0] | {"arrivals": [{"from_minutes": 9, "per_hour": 1}] * 2}]},
            "one after another",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(QUEUE | changes))
    with pytest.raises(StackError, match=r"wrong\.yaml") as refused:
        read(path)
    assert why in str(refused.value)


@pytest.mark.parametrize("text", ["name: [", "\x00", "- a list"])
def test_what_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(StackError, match=r"broken\.yaml"):
        read(path)
    with pytest.raises(StackError, match="No such file"):
        read(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_played(path: Path) -> None:
    day = figures.of(Center(read(path), 0).play())
    assert 0 < day["all", "service_level"] <= 1


def test_what_another_scenario_changes_is_told(tmp_path: Path) -> None:
    here, there = tmp_path / "here.yaml", tmp_path / "there.yaml"
    few = QUEUE | {"hours": 2, "replications": 2}
    here.write_text(yaml.safe_dump(few))
    there.write_text(yaml.safe_dump(few | {"agents": [QUEUE["agents"][0] | {"count": 20}]}))
    asked = ["simulate", str(here), "--against", str(there)]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert "What One queue changes" in result.stdout
    found = orjson.loads(CliRunner().invoke(app, [*asked, "-o", "json"]).stdout)
    assert 0 < found["figures"]["calls"]["service_level"]["mean"] <= 1
    assert found["changes"]["calls"]["arrived"] == {"mean": 0.0, "half": 0.0}
    assert found["changes"]["agents"]["occupancy"]["mean"] < 0


def test_staffing_says_how_many_are_enough() -> None:
    asked = ["staffing", "--per-hour", "200", "--service-seconds", "180"]
    result = CliRunner().invoke(app, [*asked, "-o", "json"])
    assert orjson.loads(result.stdout)["agents"] == 14
    assert "14 agents: 88.8% within 20 s" in CliRunner().invoke(app, asked).stdout
    less = CliRunner().invoke(app, [*asked, "--level", "0.7", "-o", "json"])
    assert orjson.loads(less.stdout)["agents"] == 13
