"""The timer that closes a resolved conversation once its reopen window has passed."""

from __future__ import annotations

from services.intake.core.commands import CloseExpired
from services.intake.core.model import Conversation

_PREFIX = "close"


def closing_timer(conversation: Conversation) -> str:
    """The timer's key, which holds all that is needed to read the conversation again."""
    parts = (_PREFIX, conversation.home_id, conversation.conversation_id, conversation.tenant_id)
    return "/".join(parts)


def closing(key: str) -> CloseExpired:
    """What a timer's key asks for. Raises `ValueError` for a key that is none of ours."""
    prefix, home_id, conversation_id, tenant_id = key.split("/", 3)
    if prefix != _PREFIX:
        raise ValueError(f"no such timer: {prefix}")
    return CloseExpired(tenant_id=tenant_id, home_id=home_id, conversation_id=conversation_id)
