"""HELP over SMS: who is writing and how to stop, as carriers want everybody told who asks for it.

CTIA, Messaging Principles and Best Practices, 5.1.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.intake.core.commands import ReceiveMessage
from services.intake.core.events import MessageAdded
from services.intake.core.identity import help_message_id
from services.intake.core.keywords import asks_for_help
from services.intake.core.model import Dossier, Kind, Message

AUTHOR: Final = "service/intake"


def answered(dossier: Dossier, command: ReceiveMessage, now_ms: int) -> Iterator[MessageAdded]:
    """The account's answer, behind the message that asked for it; nothing to any other message.

    It goes where the question came from. No consent is asked: whoever said STOP is told, too, since
    they are who needs to know how to be written to again.
    """
    if not asks_for_help(command):
        return
    asked = dossier.messages[command.message_id]
    conversation = dossier.conversations[asked.conversation_id]
    yield MessageAdded(
        Message(
            message_id=help_message_id(asked.message_id),
            conversation_id=asked.conversation_id,
            kind=Kind.AUTO_REPLY,
            channel=asked.channel,
            account_id=asked.account_id,
            author=AUTHOR,
            from_address=asked.to_address,
            to_address=asked.from_address,
            text=command.help_text,
            occurred_at_ms=now_ms,
            received_at_ms=now_ms,
            place=conversation.messages + 1,
            language=conversation.language,
            source_id=asked.message_id,
        )
    )
