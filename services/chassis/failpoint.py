"""Named places where a test can kill the process, as `kill -9` would between two instructions.

A module declares its points as constants at import; `arm` picks one from the environment:
`SWITCHBOARD_FAILPOINT=<name>[:<nth hit>[:stop]]`, `SWITCHBOARD_FAILPOINT_LOG=<file>`. The hit is on
disk before the process ends with status 137, or with `stop` freezes, as a paused machine does.
Unarmed, a point costs one function call.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

EXIT_KILLED: Final = 137  # what a shell reports for SIGKILL

_declared: dict[str, str] = {}
_armed: _Trap | None = None


@dataclass(slots=True)
class _Trap:
    name: str
    hits_left: int
    log: str
    freezes: bool


def declare(name: str, meaning: str) -> str:
    """Register a point and return its name; a name is declared once."""
    if name in _declared:
        raise ValueError(f"failpoint {name} is declared twice")
    _declared[name] = meaning
    return name


def declared() -> Mapping[str, str]:
    """Name and meaning of every point of the modules imported so far."""
    return MappingProxyType(_declared)


def arm(environ: Mapping[str, str]) -> None:
    """Set the trap that the environment asks for; called once at start."""
    global _armed  # noqa: PLW0603 - a process has one fate
    spec = environ.get("SWITCHBOARD_FAILPOINT", "")
    name, nth, then = (*spec.split(":"), "", "")[:3]
    log = environ.get("SWITCHBOARD_FAILPOINT_LOG", "")
    _armed = _Trap(name, int(nth or 1), log, freezes=then == "stop") if name else None


def failpoint(name: str) -> None:
    """End the process here if this point is armed and its hits are used up."""
    if _armed is not None and _armed.name == name:
        _hit(_armed)


def _hit(trap: _Trap) -> None:
    trap.hits_left -= 1
    if trap.hits_left != 0:
        return
    log = os.open(trap.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(log, f"{trap.name} {os.getpid()}\n".encode())
    os.fsync(log)
    os.close(log)
    if trap.freezes:
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        os._exit(EXIT_KILLED)
