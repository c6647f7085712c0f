"""On whose behalf a call is made, and in which domain."""

from __future__ import annotations

from typing import Final

from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import (
    FailedPrecondition,
    NotFound,
    PermissionDenied,
)
from services.routing.core.refusals import Reason
from services.routing.shell.topics import DEFAULT_DOMAIN
from services.routing.shell.wire.nouns import Place

_PEOPLE: Final = frozenset({"agent", "supervisor", "admin"})


def place(domain_id: str = "") -> Place:
    """The caller's tenant, and the domain that they name."""
    return Place(caller().tenant_id, domain_id or DEFAULT_DOMAIN)


def actor() -> str:
    """`agent/<id>` or `service/<name>`, as the token says."""
    who = caller()
    return f"{'agent' if who.roles & _PEOPLE else 'service'}/{who.subject}"


def speaking_for(agent_id: str) -> str:
    """The actor of a session. Raises `PermissionDenied` for an agent who is another."""
    who = caller()
    if who.subject != agent_id and "service" not in who.roles:
        raise PermissionDenied("an agent speaks for themselves only", reason="NOT_YOURSELF")
    return actor()


def accepted(outcome: CommandOutcome) -> CommandOutcome:
    """The outcome of a command that was not refused; raises the refusal."""
    if outcome.accepted:
        return outcome
    error = NotFound if outcome.reason == Reason.AGENT_NOT_FOUND else FailedPrecondition
    raise error(outcome.detail, reason=outcome.reason)
