"""The tier runner: order, times, what was skipped and why, the sum, the exit status."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.run_tiers import TIERS, Result, Tier, chosen, python, report, run, run_all, status_of

PASSED = Result("unit", 0, 1.5, "12 passed, 1 warning")
FAILED = Result("e2e", 1, 30.0, "1 failed, 2 passed")
SKIPPED = Result("manifests", None, 0.0, "no kustomize here")
BROKEN = Result("lint", 2, 0.1, "")


def tier_of(*code: str) -> Tier:
    return Tier("tried", tuple((sys.executable, "-c", each) for each in code))


def test_the_report_has_a_row_a_tier_and_ends_with_the_sum() -> None:
    lines = report([PASSED, SKIPPED, FAILED], 31.5)
    assert "unit        passed        1.5  12 passed, 1 warning" in lines
    assert "e2e         FAILED       30.0  1 failed, 2 passed" in lines
    assert "ran: unit, e2e" in lines
    assert "skipped: manifests: no kustomize here" in lines
    assert lines[-1] == "===== 1 failed, 14 passed in 31.50s ====="


def test_nothing_skipped_is_said_too() -> None:
    assert "skipped: nothing" in report([PASSED], 1.5)
    assert report([], 0.0)[-1] == "===== no tests in 0.00s ====="


@pytest.mark.parametrize(
    ("results", "status"),
    [([PASSED], 0), ([PASSED, SKIPPED], 0), ([BROKEN, FAILED], 2), ([FAILED, BROKEN], 1)],
)
def test_the_first_failure_gives_the_status(results: list[Result], status: int) -> None:
    assert status_of(results) == status


def test_a_tier_stops_at_its_first_failing_command(capfd: pytest.CaptureFixture[str]) -> None:
    result = run(tier_of("print('== 3 passed in 0.1s ==')", "raise SystemExit(4)", "print('no')"))
    assert (result.status, result.words) == (4, "3 passed")
    out = capfd.readouterr().out
    assert "== 3 passed in 0.1s ==" in out
    assert "no\n" not in out


def test_a_tier_this_machine_cannot_run_is_skipped_with_its_reason() -> None:
    result = run(Tier("tried", (("false",),), lambda: "no browser here"))
    assert (result.status, result.words) == (None, "no browser here")


def test_a_waiting_tier_runs_aside_of_the_others_and_speaks_when_it_has_ended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    meet = (  # ends well only where the other runs at the same time
        "import pathlib, sys; from tests.support.waiting import until_now\n"
        "mine, other = map(pathlib.Path, sys.argv[1:]); mine.touch()\n"
        "until_now(other.exists, what='the other'); print('met')"
    )
    waiting = python("-c", meet, str(here), str(there))
    working = python("-c", meet, str(there), str(here))
    late = python("-c", f"import pathlib; pathlib.Path({str(tmp_path / 'late')!r}).touch()")
    tiers = [
        Tier("working", (working,)),
        Tier("waiting", (waiting,), aside=True),
        Tier("late", (late,), alone=True),
    ]
    results = run_all(tiers)
    assert [(result.tier, result.status) for result in results] == [
        ("working", 0),
        ("waiting", 0),
        ("late", 0),
    ]
    out = capfd.readouterr().out
    assert re.findall(r"──── (\w+)|(met)", out) == [
        ("working", ""),
        ("", "met"),
        ("waiting", ""),
        ("", "met"),
        ("late", ""),
    ]


def test_tiers_run_in_ladder_order_whatever_the_order_asked() -> None:
    assert [tier.name for tier in chosen(["unit", "lint"])] == ["lint", "unit"]
    assert chosen(["all"]) == list(TIERS)


@pytest.mark.parametrize("names", [[], ["nonsense"]])
def test_an_unknown_tier_is_refused_with_the_list(names: list[str]) -> None:
    with pytest.raises(SystemExit, match="chaos"):
        chosen(names)
