"""An armed failpoint is on disk before the process is gone, at the nth hit and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from services.chassis import failpoint

SCRIPT = """
import os
from services.chassis.failpoint import arm, declare, failpoint
POINT = declare("test.point", "between two prints")
OTHER = declare("test.other", "never armed")
arm(os.environ)
for number in range(5):
    failpoint(OTHER)
    print(number, flush=True)
    failpoint(POINT)
"""


@pytest.mark.parametrize(
    ("armed", "printed", "status"),
    [("test.point", 1, 137), ("test.point:3", 3, 137), ("test.point:6", 5, 0), ("", 5, 0)],
)
def test_the_process_dies_at_the_nth_hit(
    tmp_path: Path, armed: str, printed: int, status: int
) -> None:
    log = tmp_path / "hits"
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"SWITCHBOARD_FAILPOINT": armed, "SWITCHBOARD_FAILPOINT_LOG": str(log)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    assert ended.stdout.split() == [str(number) for number in range(printed)]
    hits = log.read_text().splitlines() if log.exists() else []
    assert [line.split()[0] for line in hits] == (["test.point"] if status else [])


def test_points_are_listed_and_named_once() -> None:
    failpoint.declare("test.listed", "only here")
    assert failpoint.declared()["test.listed"] == "only here"
    with pytest.raises(ValueError, match="twice"):
        failpoint.declare("test.listed", "again")
