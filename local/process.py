"""Child processes: how they are started, waited for and stopped, always by pid."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local.errors import StackError

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Command:
    """One program to run: everything the supervisor needs to start it, any number of times."""

    name: str
    argv: tuple[str, ...]
    log: Path
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    """Run as this user (needs root); None keeps ours."""
    gid: int | None = None


def start(command: Command, *, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, its output appended to its log."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=command.cwd,
            env={**os.environ, **command.env},
            user=command.uid,
            group=command.gid,
            extra_groups=None if command.gid is None else [],
            start_new_session=True,
            pass_fds=pass_fds,
        )


def stop(process: subprocess.Popen[bytes], *, sig: int = signal.SIGTERM, grace_s: float) -> int:
    """Ask the process to end, kill it when the grace is over; gives its exit code."""
    if process.poll() is None:
        process.send_signal(sig)
    try:
        return process.wait(timeout=grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def stop_pid(pid: int, *, created_s: float, sig: int = signal.SIGTERM, grace_s: float) -> bool:
    """Stop a process that is not our child, if the pid still is the one we started.

    `created_s` (unix seconds) guards against a pid that now belongs to somebody else.
    Gives False when it was gone already.
    """
    found = find(pid, created_s=created_s)
    if found is None:
        return False
    try:
        found.send_signal(sig)
        found.wait(timeout=grace_s)
    except psutil.TimeoutExpired:
        found.kill()
        found.wait(timeout=grace_s)
    except psutil.NoSuchProcess:
        return True
    return True


def find(pid: int, *, created_s: float) -> psutil.Process | None:
    """Give the process with this pid if it is alive and was created at that time."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created_s) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def created_s(pid: int) -> float:
    """Give the creation time of a live process in unix seconds, 0 if it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def wait_until(
    ready: Callable[[], bool],
    *,
    what: str,
    deadline_s: float,
    process: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
) -> None:
    """Wait for a starting program to become ready; say what went wrong when it does not.

    Raises:
        StackError: The process ended, or the deadline passed; the text ends with its last lines.
    """
    end = time.monotonic() + deadline_s
    while not ready():
        if process is not None and process.poll() is not None:
            raise StackError(f"{what} ended with exit code {process.returncode}{tail(log)}")
        if time.monotonic() > end:
            raise StackError(f"{what} was not ready within {deadline_s:.0f} s{tail(log)}")
        time.sleep(POLL_S)


def tail(log: Path | None, lines: int = 15) -> str:
    """Give the last lines of a log as the end of a sentence, empty without a log."""
    if log is None or not log.exists():
        return ""
    last = log.read_text(errors="replace").splitlines()[-lines:]
    return ":\n  " + "\n  ".join(last) if last else ""
