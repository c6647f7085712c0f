"""What an API answers once a command is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from switchboard.intake.v1 import (
    commands_pb2,
    conversation_service_pb2,
    customer_service_pb2,
)

from services.intake.core.commands import Command
from services.intake.core.model import Dossier
from services.intake.shell.wire import nouns

ERASED_WITHIN_MS = 7 * 86_400_000
"""How long topics keep what they carried."""


def result(said: commands_pb2.IntakeInput, command: Command, after: Dossier) -> Message | None:
    """The response that the API returns; None where nobody waits for one."""
    make = _RESULTS.get(said.WhichOneof("kind") or "")
    return make(command, after) if make else None


def _conversation(command: Any, after: Dossier) -> Any:
    return nouns.conversation(after.conversations[command.conversation_id])


def _customer(after: Dossier) -> Any:
    """The customer; none where a link has just handed them over, and the answer is on its way."""
    return nouns.customer(after.customer) if after.customer else None


_RESULTS: Mapping[str, Callable[[Any, Dossier], Message]] = {
    "reply": lambda command, after: conversation_service_pb2.ReplyResponse(
        message_id=command.message_id, conversation=_conversation(command, after)
    ),
    "add_note": lambda command, _: conversation_service_pb2.AddNoteResponse(
        message_id=command.message_id
    ),
    "start_conversation": lambda command, after: conversation_service_pb2.StartConversationResponse(
        conversation=nouns.conversation(after.conversations[command.new_conversation_id]),
        message_id=command.message_id,
    ),
    "set_status": lambda command, after: conversation_service_pb2.SetStatusResponse(
        conversation=_conversation(command, after)
    ),
    "tag": lambda command, after: conversation_service_pb2.TagConversationResponse(
        conversation=_conversation(command, after)
    ),
    "merge": lambda command, after: conversation_service_pb2.MergeConversationsResponse(
        conversation=_conversation(command, after)
    ),
    "unmerge": lambda command, after: conversation_service_pb2.UnmergeConversationResponse(
        conversation=_conversation(command, after)
    ),
    "split": lambda command, after: conversation_service_pb2.SplitConversationResponse(
        conversation=nouns.conversation(after.conversations[command.new_conversation_id])
    ),
    "upsert_customer": lambda _, after: customer_service_pb2.UpsertCustomerResponse(
        customer=_customer(after)
    ),
    "link_identity": lambda _, after: customer_service_pb2.LinkIdentityResponse(
        customer=_customer(after)
    ),
    "unlink_identity": lambda command, after: customer_service_pb2.UnlinkIdentityResponse(
        customer=_customer(after), new_customer_id=command.new_customer_id
    ),
    "set_consent": lambda _, after: customer_service_pb2.SetConsentResponse(
        consents=[nouns.consent(each) for each in after.customer.consents] if after.customer else []
    ),
    "erase_customer": lambda command, _: customer_service_pb2.EraseCustomerResponse(
        gone_at_ms=command.occurred_at_ms + ERASED_WITHIN_MS
    ),
}
