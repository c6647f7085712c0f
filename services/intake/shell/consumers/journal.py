"""What every part of the threader's journal may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from switchboard.intake.v1 import commands_pb2, events_pb2

from services.intake.core.model import Conversation, Dossier, EarlyRevision, Message


class Journal(Protocol):
    """The journal of one decision."""

    def put(self, table: str, row: Mapping[str, Any]) -> None:
        """Write a row."""

    def put_conversation(self, conversation: Conversation) -> None:
        """Write a conversation as it is now."""

    def envelope(
        self, conversation: Conversation, occurred_at_ms: int = 0
    ) -> events_pb2.ConversationEvent:
        """The envelope of an event of the conversation, as it is after it."""

    def emit(self, envelope: events_pb2.ConversationEvent) -> None:
        """Publish an event."""

    def change(
        self,
        conversation: Conversation,
        kind: str,
        detail: Mapping[str, Any],
        occurred_at_ms: int = 0,
        actor: str = "",
    ) -> None:
        """Write an entry of the timeline that is no message."""

    def changed_customer(
        self, conversation: Conversation, said: events_pb2.CustomerUpdated, at_ms: int = 0
    ) -> None:
        """Tell the readers of a conversation that its customer is not as before."""

    def send(self, said: commands_pb2.IntakeInput, *, after_all: bool = False) -> None:
        """Put an input to another home into its mailbox."""

    def new_id(self) -> str:
        """An id that a replay gives again."""

    def keep_time(self, conversation: Conversation) -> None:
        """Close it when its window has passed, if it is resolved."""

    def forget_time(self, conversation: Conversation) -> None:
        """Whoever has it from now on closes it."""

    def park(self, after: Dossier, early: EarlyRevision, *, waiting: bool) -> None:
        """Write down a revision that waits for its message, or does so no more."""

    def want_files(self, message: Message, conversation: Conversation) -> None:
        """Have the files fetched that are still with the provider."""

    def deliver(self, after: Dossier, message: Message) -> None:
        """Have a message delivered as its delivery says."""

    def tell(self, fact: object) -> None:
        """Let this process know."""
