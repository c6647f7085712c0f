"""Loopback ports: free ones, kept over restarts so that clients' addresses stay true."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Give `count` different ports that nobody listens on now.

    All are held open until the last is known, so that one call never repeats a port.
    """
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            held.append(probe)
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in held]
    finally:
        for probe in held:
            probe.close()


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
