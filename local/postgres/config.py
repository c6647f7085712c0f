"""The server's settings: what differs from PostgreSQL's defaults, and why."""

from __future__ import annotations

from local.ports import LOOPBACK

MAX_CONNECTIONS = 200


def arguments(*, port: int, durable: bool) -> tuple[str, ...]:
    """Give `postgres` its settings as arguments, so that the data folder keeps none of ours.

    Args:
        port: The loopback TCP port.
        durable: False trades a machine crash's safety for speed (tests): a killed process still
            loses nothing, because the kernel holds what was written.
    """
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "max_connections": str(MAX_CONNECTIONS),
        "shared_buffers": "128MB",
        "max_wal_size": "512MB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "synchronous_commit": "on",
        # An outbox is written and emptied all the time: vacuum early, by rows and not by share.
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_scale_factor": "0.05",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "log_min_messages": "warning",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "jit": "off",
    }
    return tuple(part for key, value in settings.items() for part in ("-c", f"{key}={value}"))
