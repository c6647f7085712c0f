"""Commands to the matcher: into its mailbox, and back with the outcome that was committed."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.routing.v1 import commands_pb2 as asks

from services.chassis.bus.commands import CommandBus, OutcomeUnknown
from services.chassis.clock import Clock
from services.chassis.rpc.errors import Unavailable
from services.routing.shell.topics import INPUTS, domain_key
from services.routing.shell.wire.nouns import Place

RETRY_MS: Final = 1000


class Commands:
    """Writes for the doors of one process."""

    def __init__(self, bus: CommandBus, clock: Clock, *, timeout_s: float) -> None:
        self._bus = bus
        self._clock = clock
        self._timeout_s = timeout_s

    async def submit(
        self, place: Place, kind: str, said: Message, *, request_id: str, actor: str
    ) -> CommandOutcome:
        """The outcome of a command; a repeated request id gets the first one.

        Raises `Unavailable` while nobody knows the outcome, `BusUnavailable`, `StoreUnavailable`.
        """
        message = self._envelope(place, kind, said, request_id=request_id, actor=actor)
        try:
            return await self._bus.submit(
                INPUTS,
                domain_key(place.tenant_id, place.domain_id),
                message,
                request_key=f"{place.tenant_id}/{request_id}",
                timeout_s=self._timeout_s,
            )
        except OutcomeUnknown:
            raise Unavailable(
                "not decided yet; repeat with the same request_id",
                reason="OUTCOME_UNKNOWN",
                retry_ms=RETRY_MS,
            ) from None

    async def publish(self, place: Place, kind: str, said: Message, *, actor: str) -> None:
        """A command whose outcome nobody waits for. Raises `BusUnavailable`."""
        message = self._envelope(place, kind, said, request_id="", actor=actor)
        await self._bus.publish(INPUTS, domain_key(place.tenant_id, place.domain_id), message)

    def _envelope(
        self, place: Place, kind: str, said: Message, *, request_id: str, actor: str
    ) -> asks.RoutingInput:
        message = asks.RoutingInput(
            tenant_id=place.tenant_id,
            domain=place.domain_id,
            occurred_at_ms=self._clock.now_ms(),
            request_id=request_id,
            actor=actor,
        )
        getattr(message, kind).CopyFrom(said)
        return message
