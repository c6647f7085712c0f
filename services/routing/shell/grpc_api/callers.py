"""On whose behalf a call is made, and in which domain."""

from __future__ import annotations

from typing import Final, TypeVar

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
)
from services.routing.core.refusals import Reason
from services.routing.shell.topics import DEFAULT_DOMAIN
from services.routing.shell.wire.nouns import Place

_PEOPLE: Final = frozenset({"agent", "supervisor", "admin"})
_OVER_ALL: Final = frozenset({"supervisor", "service", "admin"})
_NOT_FOUND: Final = frozenset({Reason.AGENT_NOT_FOUND, Reason.WORK_NOT_FOUND})
R = TypeVar("R", bound=Message)


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


def only_their_own() -> str:
    """The agent whose work alone the caller may move; empty for who may move everybody's."""
    who = caller()
    return "" if who.roles & _OVER_ALL else who.subject


def result(outcome: CommandOutcome, response: type[R]) -> R:
    """The answer of a command; raises the refusal, or that its request id was another's."""
    if accepted(outcome).result_type != response.DESCRIPTOR.full_name:
        raise AlreadyExists("this request_id was used otherwise", reason="REQUEST_ID_REUSED")
    return response.FromString(outcome.result)


def accepted(outcome: CommandOutcome) -> CommandOutcome:
    """The outcome of a command that was not refused; raises the refusal."""
    if outcome.accepted:
        return outcome
    error = NotFound if outcome.reason in _NOT_FOUND else FailedPrecondition
    raise error(outcome.detail, reason=outcome.reason)
