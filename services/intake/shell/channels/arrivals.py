"""A customer's message as it comes from any channel: what follows from the account and the time."""

from __future__ import annotations

from typing import Final

from services.intake.core.account import Account
from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.shell.channels.contents import Content
from services.intake.shell.channels.protocol import Arrived, Incoming

TEXT_CHARACTERS_MAX: Final = 100_000  # Slack's 40,000 are the most of all
NAME_CHARACTERS_MAX: Final = 200
ATTACHMENTS_MAX: Final = 100


def arrived(
    account: Account,
    incoming: Incoming,
    *,
    sender: str,
    provider_id: str,
    content: Content,
    at_ms: int,
    from_name: str = "",
) -> Arrived:
    """What `sender` (normalised) wrote at `at_ms`; a clock that is ahead of ours is not believed.

    The account's medium is the message's. What is longer than any provider lets people write is
    cut, so that no message can be too large for a broker and hold up those beside it for good.
    """
    return Arrived(
        ReceiveMessage(
            tenant_id=account.tenant_id,
            home_id=home_id(account.tenant_id, account.channel, sender),
            account_id=account.account_id,
            channel=account.channel,
            from_address=sender,
            to_address=account.address,
            message_id=inbound_message_id(account.account_id, provider_id),
            provider_message_id=provider_id,
            text=content.text[:TEXT_CHARACTERS_MAX],
            occurred_at_ms=min(at_ms, incoming.now_ms),
            received_at_ms=incoming.now_ms,
            new_conversation_id="",
            from_name=from_name[:NAME_CHARACTERS_MAX],
            language=account.language,
            pool_hint=account.pool_hint,
            tags=account.tags,
            attachments=content.attachments[:ATTACHMENTS_MAX],
        )
    )
