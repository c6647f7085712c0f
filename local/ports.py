"""Loopback ports: free ones, kept over restarts so that clients' addresses stay true."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from secrets import SystemRandom

LOOPBACK = "127.0.0.1"
LOWEST = 20_000
CANDIDATES = 2_000
EPHEMERAL_DEFAULT = 32_768
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Give `count` different ports that nobody listens on now.

    They lie below the range that the system takes for outgoing connections: a server that is away
    for a moment must not find its port taken by somebody's client.
    """
    found: list[int] = []
    for port in SystemRandom().sample(range(LOWEST, _first_ephemeral()), CANDIDATES):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    return found


def _first_ephemeral() -> int:
    """Give where the range for outgoing connections begins."""
    try:
        first = int(EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError):
        return EPHEMERAL_DEFAULT
    return first if first > LOWEST + CANDIDATES else EPHEMERAL_DEFAULT


def is_free(port: int) -> bool:
    """Tell whether a listener could take the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_listening(port: int, *, timeout_s: float = 0.5) -> bool:
    """Tell whether somebody accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def assign(
    names: Iterable[str],
    *,
    remembered: Mapping[str, int],
    usable: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """Give each name a port: the one it had before where that is still usable, else a fresh one."""
    kept = {
        name: remembered[name] for name in names if name in remembered and usable(remembered[name])
    }
    missing = [name for name in names if name not in kept]
    return kept | dict(zip(missing, free_ports(len(missing)), strict=True))
