"""Commands: into the mailbox of their owner, and back with the outcome that was committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.commands import CommandBus, OutcomeUnknown
from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
    RpcError,
    Unavailable,
)
from services.intake.core.refusals import Reason
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs

R = TypeVar("R", bound=Message)
RETRY_MS: Final = 1000
_ERRORS: Final[Mapping[str, type[RpcError]]] = {
    Reason.CONVERSATION_NOT_FOUND: NotFound,
    Reason.MESSAGE_NOT_FOUND: NotFound,
    Reason.CUSTOMER_NOT_FOUND: NotFound,
    Reason.IDENTITY_NOT_FOUND: NotFound,
    Reason.CONVERSATION_CLOSED: FailedPrecondition,
    Reason.TRANSITION_NOT_ALLOWED: FailedPrecondition,
}


class Commands:
    """Submits commands for the caller of the RPC in hand."""

    def __init__(self, bus: CommandBus, clock: Clock, *, timeout_s: float) -> None:
        self._bus = bus
        self._clock = clock
        self._timeout_s = timeout_s

    async def run(self, said: commands_pb2.IntakeInput, response: type[R]) -> R:
        """The response that the owner committed. `said` names actor, home, request and command.

        Raises the refusal as an `RpcError`, and `Unavailable` while nobody knows the outcome: the
        same request id finds it later.
        """
        said.tenant_id = caller().tenant_id
        said.received_at_ms = self._clock.now_ms()
        key = inputs.request_key(said)
        assert key is not None, "every command has a request id"
        try:
            outcome = await self._bus.submit(
                INPUTS, said.home_id, said, request_key=key, timeout_s=self._timeout_s
            )
        except OutcomeUnknown:
            raise Unavailable(
                "not decided yet; repeat with the same request_id",
                reason="OUTCOME_UNKNOWN",
                retry_ms=RETRY_MS,
            ) from None
        return _result(outcome, response)


def _result(outcome: CommandOutcome, response: type[R]) -> R:
    if not outcome.accepted:
        error = _ERRORS.get(outcome.reason, FailedPrecondition)
        raise error(outcome.detail, reason=outcome.reason)
    if outcome.result_type != response.DESCRIPTOR.full_name:
        raise AlreadyExists("this request_id was used for another call", reason="REQUEST_ID_REUSED")
    result = response()
    result.ParseFromString(outcome.result)
    return result
