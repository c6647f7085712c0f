"""The timer that gives up on revisions whose message did not come."""

from __future__ import annotations

from services.intake.core.commands import CloseExpired, ForgetEarly
from services.intake.shell.consumers.closing import closing

_PREFIX = "early/"


def forgetting_timer(home_id: str, tenant_id: str) -> str:
    """The timer's key: one for all that waits with a customer."""
    return f"{_PREFIX}{home_id}/{tenant_id}"


def due(key: str) -> CloseExpired | ForgetEarly:
    """What a timer of the threader asks for. Raises `ValueError` for a key that is none of ours."""
    if not key.startswith(_PREFIX):
        return closing(key)
    _, home_id, tenant_id = key.split("/", 2)
    return ForgetEarly(tenant_id=tenant_id, home_id=home_id)
