"""The handlers' ledger on the engine: rows, announcements and timers of one input."""

from __future__ import annotations

from services.chassis.bus.processor import Out
from services.sla.core.events import ClockEvent
from services.sla.core.model import Conversation, Fact
from services.sla.shell.rows import CLOCKS, FACTS, clock_row, fact_row
from services.sla.shell.wire import event_message

EVENTS = "sla.events.v1"


class OutLedger:
    """Writes into an `Out`; the engine commits it whole or not at all."""

    def __init__(self, out: Out, shard: int) -> None:
        self._out = out
        self._shard = shard

    def record(self, conversation: Conversation, fact: Fact) -> None:
        """Keep a fact for good."""
        self._out.put(FACTS.name, fact_row(conversation, fact, self._shard))

    def announce(self, conversation: Conversation, event: ClockEvent) -> None:
        """Keep the clock and publish what happened to it."""
        message = event_message(conversation, event, event_id=self._out.new_id())
        self._out.put(CLOCKS.name, clock_row(conversation, event.clock, self._shard))
        self._out.emit(
            EVENTS, conversation.conversation_id, message, subject=message.clock.clock_id
        )
        self._out.tell(event)

    def look_again(self, conversation_id: str, at_ms: int | None) -> None:
        """Set the conversation's one timer, or forget it."""
        if at_ms is None:
            self._out.cancel(conversation_id)
        else:
            self._out.timer(conversation_id, at_ms)
