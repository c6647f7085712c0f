"""Files that a customer's message names at their provider, until we have them ourselves."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.core.model import Attachment

FILES_MAX = 30
"""Of one message; the others stay with the provider."""


@dataclass(frozen=True, slots=True)
class WantedMedia:
    """A file of a message that shall be fetched. `home_id` is where word of it goes."""

    tenant_id: str
    home_id: str
    account_id: str
    conversation_id: str
    message_id: str
    attachment: Attachment
    wanted_at_ms: int

    @property
    def key(self) -> tuple[str, str]:
        """Message and attachment."""
        return (self.message_id, self.attachment.attachment_id)
