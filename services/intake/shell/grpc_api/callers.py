"""On whose behalf a call is made: agents speak for themselves, others may name an agent."""

from __future__ import annotations

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import PermissionDenied

_MAY_NAME_AGENTS = frozenset({"supervisor", "admin", "service"})
_PEOPLE = frozenset({"agent", "supervisor", "admin"})


def actor(agent_id: str = "") -> str:
    """`agent/<id>` or `service/<name>`. Raises `PermissionDenied` for an agent who is another."""
    who = caller()
    if agent_id in {"", who.subject}:
        role = "agent" if who.roles & _PEOPLE else "service"
        return f"{role}/{who.subject}"
    if not who.roles & _MAY_NAME_AGENTS:
        raise PermissionDenied("an agent acts as themselves only", reason="NOT_YOURSELF")
    return f"agent/{agent_id}"
