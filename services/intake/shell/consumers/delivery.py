"""Delivery: a shard of lanes, resident. It commits attempts, `shell/effects.py` makes the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.processor import DueTimer, Input, Out, Rows, Table
from services.intake import handlers
from services.intake.core.delivery.commands import Command, Wake, WakeAccount
from services.intake.core.delivery.events import (
    Attempted,
    DispatchEvent,
    Forgotten,
    GateEvent,
    LookedUp,
    Opened,
    Queued,
    Settled,
    Shut,
    Woken,
)
from services.intake.core.delivery.evolve import lanes_of
from services.intake.core.delivery.model import Dispatch, Gate, Lanes, Phase
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.shell import rows as stored
from services.intake.shell.topics import INPUTS, OUTBOUND
from services.intake.shell.wire import deliveries


@dataclass(frozen=True, slots=True)
class CallReady:
    """An attempt or a look-up is committed: the call of `dispatch` may be made, once."""

    dispatch: Dispatch


class Lost(Protocol):
    """Who is told of calls that were committed before this process had the shard."""

    def adopt(self, dispatches: Sequence[Dispatch]) -> None:
        """Report them as unknown, unless this very process is still making them."""


class Delivery:
    """The processor of `intake.outbound.v1`."""

    name = "intake.delivery"
    layout = 1
    mailbox = OUTBOUND
    topics: Mapping[str, type[Message]] = {OUTBOUND: commands_pb2.OutboundMessage}
    tables: tuple[Table, ...] = stored.DELIVERY_TABLES

    def __init__(self, policy: DeliveryPolicy, lost: Lost) -> None:
        self._policy = policy
        self._lost = lost

    def entity(self, message: Message) -> str:
        """One outbound message."""
        return f"message/{deliveries.subject_id(_outbound(message))}"

    def request_key(self, message: Message) -> str | None:
        """A message is queued once for an account; reports are idempotent by themselves.

        Over another account it is asked for only once the first is done with it: `detours.py`.
        """
        said = _outbound(message)
        if not said.HasField("request"):
            return None
        return f"deliver/{said.request.account_id}/{said.request.message_id}"

    async def load(self, rows: Rows, shard: int) -> Lanes:
        """All that is unsettled, or uncertain and waiting for evidence; gates that are not open."""
        found = await rows.select("dispatch", shard=shard, resident=True)
        gates = await rows.select("account_gate", shard=shard, troubled=True)
        dispatches = [stored.dispatch_of(row) for row in found]
        self._lost.adopt([dispatch for dispatch in dispatches if dispatch.is_calling])
        return lanes_of(dispatches, [stored.gate_of(row) for row in gates])

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Lanes],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Lanes]:
        """Nothing: the state is resident."""
        del rows, inputs, due
        return states

    def handle(self, state: Lanes, given: Input, out: Out) -> Lanes:
        """Apply one record."""
        said = _outbound(given.message)
        command = deliveries.command(said, position=given.record.offset, now_ms=given.now_ms)
        return self._apply(state, command, given.record.partition, out)

    def fire(self, state: Lanes, key: str, due_ms: int, out: Out) -> Lanes:
        """Wake what has waited long enough."""
        del due_ms
        shard, command = _woken(key)
        return self._apply(state, command, shard, out)

    def _apply(self, state: Lanes, command: Command, shard: int, out: Out) -> Lanes:
        return handlers.deliver(
            state,
            command,
            now_ms=out.now_ms,
            policy=self._policy,
            journal=OutJournal(out, shard),
        )


class OutJournal:
    """A `DispatchJournal` over the engine's `Out`."""

    def __init__(self, out: Out, shard: int) -> None:
        self._out = out
        self._shard = shard

    def turn(self, gate: Gate, event: GateEvent) -> None:
        """Write down what has become of a gate."""
        troubled = not isinstance(event, Opened)
        self._out.put("account_gate", stored.gate_row(gate, shard=self._shard, troubled=troubled))
        if isinstance(event, Shut):
            self._out.timer(f"gate/{self._shard}/{gate.account_id}", gate.until_ms)

    def record(self, after: Dispatch, event: DispatchEvent) -> None:
        """Write down one event."""
        if not isinstance(event, Woken | Queued):
            self._keep_time(after, event)
        resident = after.phase not in {Phase.SENT, Phase.FAILED} and not isinstance(
            event, Forgotten
        )
        row = stored.dispatch_row(after, shard=self._shard, resident=resident)
        self._out.put("dispatch", row)
        if isinstance(event, Settled):
            self._out.emit(INPUTS, after.home_id, deliveries.result(after, event))
            self._out.tell(event)
        elif isinstance(event, Attempted | LookedUp):
            self._out.tell(CallReady(after))

    def _keep_time(self, after: Dispatch, event: DispatchEvent) -> None:
        key = _wake_timer(self._shard, after)
        if after.not_before_ms > self._out.now_ms:
            self._out.timer(key, after.not_before_ms)
        elif isinstance(event, Settled):
            self._out.cancel(key)


def _outbound(message: Message) -> commands_pb2.OutboundMessage:
    assert isinstance(message, commands_pb2.OutboundMessage)
    return message


def _wake_timer(shard: int, dispatch: Dispatch) -> str:
    return f"wake/{shard}/{dispatch.message_id}"


def _woken(key: str) -> tuple[int, Command]:
    kind, shard, name = key.split("/", 2)
    return int(shard), WakeAccount(name) if kind == "gate" else Wake(name)
