"""A real process: it starts in order, drains in reverse, and crashes without politeness."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

STARTED = ["start postgres", "start bus", "start grpc"]
STOPPED = ["draining, ready=False", "stop grpc", "stop bus", "stop postgres"]


class Run:
    """A process under test."""

    def __init__(self, fault: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.lifecycle_process", fault],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.lines = self.process.stdout

    def read_to(self, line: str) -> None:
        """Read until the process says this."""
        for found in self.lines:
            if line in found:
                return
        raise AssertionError(f"never said {line!r}")

    def end(self) -> tuple[int, list[str]]:
        """Its exit status and what else its parts said."""
        rest = [line.strip() for line in self.lines]
        said = [line for line in rest if line.split(" ")[0] in ("start", "stop", "draining,")]
        return self.process.wait(timeout=30), said


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    made: list[Run] = []
    yield made
    for item in made:
        item.process.kill()
        item.process.wait()
        item.lines.close()


def start(runs: list[Run], fault: str = "") -> Run:
    runs.append(Run(fault))
    return runs[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_in_reverse_order_and_exits_0(runs: list[Run], number: int) -> None:
    process = start(runs)
    process.read_to("started")
    process.process.send_signal(number)
    assert process.end() == (0, STOPPED)


@pytest.mark.parametrize("fault", ["task-bus", "crash-grpc"])
def test_a_crash_exits_70_and_stops_nothing(runs: list[Run], fault: str) -> None:
    status, said = start(runs, fault).end()
    assert status == 70
    assert [line for line in said if "stop" in line or "drain" in line] == []


def test_a_part_that_cannot_start_stops_those_before_it(runs: list[Run]) -> None:
    status, said = start(runs, "start-bus").end()
    assert (status, said) == (1, [*STARTED[:2], STOPPED[0], *STOPPED[2:]])


def test_a_signal_during_the_start_ends_it(runs: list[Run]) -> None:
    process = start(runs, "hang-bus")
    process.read_to("start bus")
    process.process.send_signal(signal.SIGTERM)
    assert process.end() == (0, [STOPPED[0], *STOPPED[2:]])


def test_a_part_that_fails_to_stop_does_not_keep_the_others(runs: list[Run]) -> None:
    process = start(runs, "stop-grpc")
    process.read_to("started")
    process.process.send_signal(signal.SIGTERM)
    assert process.end() == (1, STOPPED)


def test_a_drain_that_takes_too_long_is_cut(runs: list[Run]) -> None:
    process = start(runs, "slow-bus")
    process.read_to("started")
    process.process.send_signal(signal.SIGTERM)
    assert process.end() == (1, STOPPED[:3])


def test_a_second_signal_ends_the_process_at_once(runs: list[Run]) -> None:
    process = start(runs, "stuck-bus")
    process.read_to("started")
    process.process.send_signal(signal.SIGTERM)
    process.read_to("stop bus")
    process.process.send_signal(signal.SIGTERM)
    assert process.end() == (128 + signal.SIGTERM, [])
