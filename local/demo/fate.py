"""What becomes of a customer's message at a door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from local.demo.script import Utterance


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one message. `fate` is accepted, refused or unknown, as ledgers have it.

    `provider_message_id` is the provider's id, `message_id` ours where the door tells it.
    """

    fate: str
    provider_message_id: str
    message_id: str = ""


class Sender(Protocol):
    """One way in."""

    account_id: str

    async def send(self, utterance: Utterance) -> Fate:
        """Send until it is answered or patience runs out."""
