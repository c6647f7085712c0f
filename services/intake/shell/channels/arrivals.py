"""What a customer says on any channel, and does to what was said: what follows from the account.

Texts are cut where no provider lets people write more, so that no message can be too large for a
broker and hold up those beside it for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from services.intake.core.account import Account
from services.intake.core.commands import LinkIdentity, ReceiveMessage, Revision
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.links import LinkReason, LinkRule
from services.intake.core.model import StatedIdentity
from services.intake.shell.channels.contents import Content
from services.intake.shell.channels.protocol import Arrived, Incoming, Linked, Revised

TEXT_CHARACTERS_MAX: Final = 100_000  # Slack's 40,000 are the most of all
NAME_CHARACTERS_MAX: Final = 200
ATTACHMENTS_MAX: Final = 100
CHANGE_CHARACTERS_MAX: Final = {"text": TEXT_CHARACTERS_MAX, "reaction": 64}


def arrived(
    account: Account,
    incoming: Incoming,
    *,
    sender: str,
    provider_id: str,
    content: Content,
    at_ms: int,
    from_name: str = "",
    answers: str = "",
    also: tuple[StatedIdentity, ...] = (),
) -> Arrived:
    """What `sender` (normalised) wrote at `at_ms`; a clock that is ahead of ours is not believed.

    The account's medium is the message's. `answers` is the provider's id of an earlier message,
    `also` are other addresses of the sender.
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
            in_reply_to=(answers,) if answers else (),
            also_known_as=also,
        )
    )


def revised(
    make: Callable[..., Revision],
    account: Account,
    incoming: Incoming,
    *,
    sender: str,
    provider_id: str,
    at_ms: int,
    **change: str,
) -> Revised:
    """What `sender` did at `at_ms` to the message that the provider calls `provider_id`.

    `make` is `EditMessage` (with a `text`), `RetractMessage`, or `ReactToMessage` (`reaction`).
    """
    return Revised(
        make(
            tenant_id=account.tenant_id,
            home_id=home_id(account.tenant_id, account.channel, sender),
            account_id=account.account_id,
            provider_message_id=provider_id,
            message_id=inbound_message_id(account.account_id, provider_id),
            occurred_at_ms=min(at_ms, incoming.now_ms),
            **{name: value[: CHANGE_CHARACTERS_MAX[name]] for name, value in change.items()},
        )
    )


def verified(account: Account, address: str) -> StatedIdentity:
    """Another address (normalised) of a sender, which the account's provider vouches for."""
    home = home_id(account.tenant_id, account.channel, address)
    return StatedIdentity(account.channel, address, home, verified=True)


def linked(account: Account, *, known: str, new: str) -> Linked:
    """Whoever has the address `known` has `new` as well (both normalised), says the provider."""
    return Linked(
        LinkIdentity(
            tenant_id=account.tenant_id,
            home_id=home_id(account.tenant_id, account.channel, known),
            identity=verified(account, new),
            reason=LinkReason.of(LinkRule.PROVIDER, f"provider/{account.account_id}"),
        )
    )
