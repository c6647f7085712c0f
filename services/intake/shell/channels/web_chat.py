"""Web chat: our own widget on the pages of an account's site. The sockets are in `shell/chat`.

Here the store itself is the provider: what we say is delivered once it is committed, since every
visitor's widget reads it from there however often it was away. So there is no call that could fail
and no doubt to settle, and what the widget says of a message is a receipt like any other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from services.intake.core.account import Account
from services.intake.core.commands import NoteProgress, ReceiveMessage
from services.intake.core.delivery.commands import Answer, ReportAttempt, ReportLookup, Sighting
from services.intake.core.delivery.model import Dispatch
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Attachment, Progress, StatedIdentity
from services.intake.core.model import Channel as Medium
from services.intake.shell.channels.calls import ended, looked_up
from services.intake.shell.channels.protocol import Arrived, Channel, Reported, SendingContext

PROVIDER: Final = "web_chat"


class ChatSender:
    """The way out of `web_chat` accounts: what is asked for has arrived already."""

    def __init__(self, context: SendingContext) -> None:
        del context

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """The visitor's widget reads it from where it was committed."""
        del account
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=dispatch.message_id)

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """It is there: else nobody could ask for it."""
        del account, known_ids
        return looked_up(dispatch, Sighting.FOUND, dispatch.message_id)


def heard(
    account: Account,
    visitor_id: str,
    *,
    client_id: str,
    text: str,
    now_ms: int,
    files: Sequence[Attachment] = (),
    language: str = "",
    name: str = "",
    also_known_as: tuple[StatedIdentity, ...] = (),
) -> Arrived:
    """What a visitor wrote; a repeat has the same `client_id` and is the same message.

    It counts from when it came in: what was written offline, by a clock that nobody knows, too.
    """
    named = f"{visitor_id}/{client_id}"  # one visitor's ids are not another's
    message_id = inbound_message_id(account.account_id, named)
    return Arrived(
        ReceiveMessage(
            tenant_id=account.tenant_id,
            home_id=home_id(account.tenant_id, Medium.CHAT, visitor_id),
            account_id=account.account_id,
            channel=Medium.CHAT,
            from_address=visitor_id,
            to_address=account.address,
            message_id=message_id,
            provider_message_id=named,
            text=text,
            occurred_at_ms=now_ms,
            received_at_ms=now_ms,
            new_conversation_id="",
            from_name=name,
            language=language or account.language,
            pool_hint=account.pool_hint,
            tags=account.tags,
            attachments=tuple(
                replace(file, attachment_id=f"{message_id}-{number}")
                for number, file in enumerate(files)
            ),
            also_known_as=also_known_as,
        )
    )


def client_id_of(provider_message_id: str) -> str:
    """The widget's own name for a message that it sent; empty for others."""
    return provider_message_id.partition("/")[2]


def displayed(
    account: Account, visitor_id: str, message_id: str, progress: Progress, *, now_ms: int
) -> Reported:
    """A visitor's widget has got one of our messages, or has shown it."""
    note = NoteProgress(
        tenant_id=account.tenant_id,
        home_id=home_id(account.tenant_id, Medium.CHAT, visitor_id),
        account_id=account.account_id,
        message_id=message_id,
        provider_message_id=message_id,
        progress=progress,
        reason="",
        occurred_at_ms=now_ms,
        by_provider=True,
    )
    return Reported(note, recipient=visitor_id)


CHANNEL = Channel(PROVIDER, media=frozenset({Medium.CHAT}), hooks=(), sender=ChatSender)
