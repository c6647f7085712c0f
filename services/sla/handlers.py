"""Playing one command: decide, evolve, and write down what follows."""

from __future__ import annotations

from services.sla.core.commands import Command, Judge
from services.sla.core.decide import decide, next_look_ms
from services.sla.core.events import FactRecorded
from services.sla.core.evolve import evolve
from services.sla.core.model import Conversation
from services.sla.core.policies import PolicyTable
from services.sla.ports import Ledger


def handle(
    conversation: Conversation,
    command: Command,
    *,
    now_ms: int,
    policies: PolicyTable,
    ledger: Ledger,
) -> Conversation:
    """The conversation after `command` at log time `now_ms`; a repeat writes nothing."""
    events = decide(conversation, command, now_ms, policies)
    for event in events:
        conversation = evolve(conversation, event)
        if isinstance(event, FactRecorded):
            ledger.record(conversation, event.fact)
        else:
            ledger.announce(conversation, event)
    if events or isinstance(command, Judge):
        ledger.look_again(conversation.conversation_id, next_look_ms(conversation))
    return conversation
