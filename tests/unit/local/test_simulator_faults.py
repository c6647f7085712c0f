"""Faults are repeatable by their seed, and refuse what is no probability."""

from __future__ import annotations

import pytest

from local.simulator.faults import CALL_FAULTS, Dice, Faults, parse


def test_the_same_seed_plays_the_same_faults() -> None:
    faults = Faults(seed=7, throttle=0.2, error_before=0.2, error_after=0.2, drop_after=0.2)
    assert [Dice(faults).call() for _ in range(3)] == [Dice(faults).call() for _ in range(3)]
    first, second = Dice(faults), Dice(faults)
    assert [first.call() for _ in range(200)] == [second.call() for _ in range(200)]


def test_every_call_fault_is_played_about_as_often_as_asked() -> None:
    dice = Dice(Faults(**dict.fromkeys(CALL_FAULTS, 0.1)))  # type: ignore[arg-type] # floats only
    drawn = [dice.call() for _ in range(5_000)]
    for name in CALL_FAULTS:
        assert 400 < drawn.count(name) == dice.played[name] < 600
    assert drawn.count("") > 2_200


def test_no_faults_means_none() -> None:
    dice = Dice()
    assert not any(dice.call() for _ in range(100))
    assert not any(dice.happens("receipt_lost") for _ in range(100))


@pytest.mark.parametrize(
    "document",
    [{"throttle": 1.5}, {"slow": -0.1}, {"no_such": 0.1}, {"drop_after": 0.7, "throttle": 0.7}],
)
def test_nonsense_is_refused(document: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|unknown"):
        parse(document)
