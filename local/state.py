"""What runs, where: the supervisor writes it, every command reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from local.errors import StackError
from local.files import read_json, write_json
from local.home import Home
from local.ports import LOOPBACK
from local.process import find

STARTING, READY, STOPPING, STOPPED, FAILED = "starting", "ready", "stopping", "stopped", "failed"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process of the stack as the supervisor last saw it."""

    name: str
    service: str
    http_port: int = 0
    grpc_port: int = 0
    status: str = STOPPED
    """`starting`, `ready`, `backoff` (dead, about to be started again), `failed` or `stopped`."""
    pid: int = 0
    created_s: float = 0.0
    """The process's creation time, so that a pid taken by another is never mistaken for it."""
    restarts: int = 0
    exit_code: int | None = None
    """Of the run before this one; negative is a signal."""

    def is_alive(self) -> bool:
        """Tell whether this very process runs now."""
        return bool(self.pid) and find(self.pid, created_s=self.created_s) is not None


@dataclass(frozen=True, slots=True)
class StackState:
    """The whole stack: addresses, and its processes by name."""

    phase: str = STOPPED
    supervisor_pid: int = 0
    supervisor_created_s: float = 0.0
    kafka_bootstrap: str = ""
    partitions: int = 0
    postgres_admin_dsn: str = ""
    """Administrator's address of the database `switchboard`. A secret."""
    reason: str = ""
    """Why the stack failed, a sentence."""
    processes: tuple[ProcessState, ...] = field(default=())

    def is_supervised(self) -> bool:
        """Tell whether the supervisor lives."""
        pid, created = self.supervisor_pid, self.supervisor_created_s
        return bool(pid) and find(pid, created_s=created) is not None

    def of(self, service: str) -> tuple[ProcessState, ...]:
        """Give the processes of one service, by name."""
        return tuple(each for each in self.processes if each.service == service)

    def http(self, service: str) -> tuple[str, ...]:
        """Give the HTTP base addresses of a service's processes."""
        return tuple(f"http://{LOOPBACK}:{each.http_port}" for each in self.of(service))

    def grpc(self, service: str) -> tuple[str, ...]:
        """Give the gRPC targets of a service's processes."""
        return tuple(f"{LOOPBACK}:{each.grpc_port}" for each in self.of(service))

    def with_process(self, changed: ProcessState) -> StackState:
        """Give the state with one process replaced."""
        kept = (changed if each.name == changed.name else each for each in self.processes)
        return replace(self, processes=tuple(kept))


def load(home: Home) -> StackState:
    """Read the data folder's state; a folder nobody used yet is a stopped stack."""
    raw = read_json(home.state)
    processes = tuple(ProcessState(**each) for each in raw.pop("processes", ()))
    return StackState(**raw, processes=processes)


def save(home: Home, state: StackState) -> None:
    """Write the state for everybody else to read."""
    write_json(home.state, asdict(state))


def require_running(home: Home) -> StackState:
    """Give the state of a running stack.

    Raises:
        StackError: It doesn't run.
    """
    state = load(home)
    if not state.is_supervised() or state.phase != READY:
        raise StackError("The stack isn't running: start it with `switchboard up`.")
    return state


def endpoints(state: StackState) -> dict[str, Any]:
    """Give the addresses a person or a program needs, without secrets."""
    services = sorted({each.service for each in state.processes if each.grpc_port})
    return {
        "phase": state.phase,
        "console": next(iter(state.http("console")), ""),
        "kafka": state.kafka_bootstrap,
        "simulator": next(iter(state.http("simulator")), ""),
        "services": {
            name: {"http": list(state.http(name)), "grpc": list(state.grpc(name))}
            for name in services
        },
        "processes": {each.name: each.pid for each in state.processes},
    }
