"""The tier runner: order, times, what was skipped and why, the sum, the exit status."""

from __future__ import annotations

import sys

import pytest

from tests.run_tiers import TIERS, Result, Tier, chosen, report, run, status_of

PASSED = Result("unit", 0, 1.5, "12 passed, 1 warning")
FAILED = Result("e2e", 1, 30.0, "1 failed, 2 passed")
SKIPPED = Result("manifests", None, 0.0, "no kustomize here")
BROKEN = Result("lint", 2, 0.1, "")


def tier_of(*code: str) -> Tier:
    return Tier("tried", tuple((sys.executable, "-c", each) for each in code))


def test_the_report_has_a_row_a_tier_and_ends_with_the_sum() -> None:
    lines = report([PASSED, SKIPPED, FAILED])
    assert "unit        passed        1.5  12 passed, 1 warning" in lines
    assert "e2e         FAILED       30.0  1 failed, 2 passed" in lines
    assert "ran: unit, e2e" in lines
    assert "skipped: manifests: no kustomize here" in lines
    assert lines[-1] == "===== 1 failed, 14 passed in 31.50s ====="


def test_nothing_skipped_is_said_too() -> None:
    assert "skipped: nothing" in report([PASSED])
    assert report([])[-1] == "===== no tests in 0.00s ====="


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


def test_tiers_run_in_ladder_order_whatever_the_order_asked() -> None:
    assert [tier.name for tier in chosen(["unit", "lint"])] == ["lint", "unit"]
    assert chosen(["all"]) == list(TIERS)


@pytest.mark.parametrize("names", [[], ["nonsense"]])
def test_an_unknown_tier_is_refused_with_the_list(names: list[str]) -> None:
    with pytest.raises(SystemExit, match="chaos"):
        chosen(names)
