"""What a machine lacks is said in one sentence each, before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from local.prerequisites import Machine, main, missing, version

COMPLETE = Machine(
    python=(3, 11),
    has_venv=True,
    java='openjdk version "17.0.15" 2025-04-15',
    maven=True,
    node="v20.20.2",
    npm=True,
    disk_free_bytes=10 * 1024**3,
    ports_free=24,
)

LACKS = [
    ({"python": (3, 10)}, "Python 3.11 to 3.13"),
    ({"python": (3, 14)}, "found 3.14"),
    ({"has_venv": False}, "python3-venv"),
    ({"java": None}, "Java 17"),
    ({"java": 'java version "1.8.0_402"'}, "Java 17"),
    ({"maven": False}, "Maven"),
    ({"node": None}, "Node 20.19"),
    ({"node": "v20.18.3"}, "Node 20.19"),
    ({"npm": False}, "npm"),
    ({"disk_free_bytes": 1024**3}, "1.0 GB free here, 3 GB needed"),
    ({"ports_free": 3}, "ports"),
]


def test_a_complete_machine_lacks_nothing() -> None:
    assert missing(COMPLETE) == []


@pytest.mark.parametrize(("change", "says"), LACKS)
def test_each_lack_is_one_sentence_that_says_what_to_do(change: dict[str, Any], says: str) -> None:
    (sentence,) = missing(COMPLETE._replace(**change))
    assert says in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_everything_that_is_missing_is_said_at_once() -> None:
    assert len(missing(COMPLETE._replace(java=None, maven=False, node=None, python=(3, 8)))) == 4


VERSIONS = [
    ("v20.19.2", (20, 19)),
    ('openjdk version "21" x', (21, 0)),
    ("", (0, 0)),
    (None, (0, 0)),
]


@pytest.mark.parametrize(("text", "number"), VERSIONS)
def test_a_version_is_read_out_of_what_programs_say(
    text: str | None, number: tuple[int, int]
) -> None:
    assert version(text) == number


def test_the_check_runs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    status = main()
    assert status == (1 if capsys.readouterr().err else 0)
