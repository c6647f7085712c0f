"""What no channel may pass on, whatever a provider sends: NUL in a text, and texts without end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import pytest

from services.intake.core.account import Account
from services.intake.shell.channels.arrivals import ATTACHMENTS_MAX, TEXT_CHARACTERS_MAX
from services.intake.shell.channels.line import WebhookHook as LineHook
from services.intake.shell.channels.messenger import WebhookHook as MessengerHook
from services.intake.shell.channels.protocol import Arrived, Hook, Incoming, Unread
from services.intake.shell.channels.slack import EventHook
from services.intake.shell.channels.telegram import WebhookHook as TelegramHook
from services.intake.shell.channels.whatsapp import WebhookHook as WhatsAppHook
from tests.unit.intake import line, messenger, slack, telegram, whatsapp

STRUCTURE = {"object", "field", "timestamp", "ts"}  # texts that are never passed on
Case = tuple[Hook, Account, Callable[[Any], Incoming], Any]

EDIT = {"type": "text", "text": {"body": "Hi"}}
ORDER = {"text": "tea", "product_items": [{"product_retailer_id": "TEA", "quantity": "2"}]}
PERSON = {"name": {"formatted_name": "Hans"}, "phones": [{"phone": "+49 30 1"}]}
CASES: Mapping[str, Case] = {
    "whatsapp": (
        WhatsAppHook(),
        whatsapp.business(),
        whatsapp.posted,
        whatsapp.webhook(
            whatsapp.change(
                messages=[
                    whatsapp.message("text", {"body": "Hi"}),
                    whatsapp.message("order", ORDER),
                    whatsapp.message("contacts", [PERSON]),
                    whatsapp.message("reaction", {"message_id": "7", "emoji": "x"}),
                    whatsapp.message("edit", {"original_message_id": "7", "message": EDIT}),
                    whatsapp.message("document", {"id": "7", "filename": "a", "mime_type": "b/c"}),
                ],
                statuses=[whatsapp.status("failed", errors=[{"code": "131026"}])],
            )
        ),
    ),
    "messenger": (
        MessengerHook(),
        messenger.page(),
        messenger.posted,
        messenger.webhook(
            messenger.entry(
                messenger.message(text="Hi"),
                messenger.attached(messenger.file("image", "https://a.example/b")),
                messenger.delivery("m_1"),
                messenger.event("message_edit", {"mid": "m_1", "text": "Hi"}),
                messenger.echo(metadata="d-1"),
            )
        ),
    ),
    "telegram": (
        TelegramHook(),
        telegram.bot(),
        telegram.posted,
        telegram.update(message=telegram.message(document={"file_id": "7", "file_name": "a"})),
    ),
    "line": (
        LineHook(),
        line.business(),
        line.posted,
        line.webhook(
            line.message("text", text="Hi"),
            line.message("sticker", text="x", keywords=["love"]),
            line.message("file", fileName="a", quotedMessageId="7"),
        ),
    ),
    "slack": (
        EventHook(),
        slack.workspace(),
        slack.posted,
        slack.callback(slack.message(subtype="file_share", files=[slack.file()])),
    ),
}


def with_nul(value: Any, name: str = "") -> Any:
    """The same JSON with a NUL behind every text that is content."""
    if isinstance(value, dict):
        return {key: with_nul(of, key) for key, of in value.items()}
    if isinstance(value, list):
        return [with_nul(each) for each in value]
    return f"{value}\0" if isinstance(value, str) and name not in STRUCTURE else value


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_nul_gets_past_a_channel(case: Case) -> None:
    hook, account, posted, body = case
    items = hook.parse(posted(with_nul(body)), account)
    assert items
    for item in items:
        assert not isinstance(item, Unread), item
        assert "\\x00" not in repr(asdict(item))


def test_a_text_without_end_and_files_without_number_are_cut() -> None:
    files = [slack.file(id=f"F{number}") for number in range(ATTACHMENTS_MAX + 9)]
    event = slack.message(subtype="file_share", text="x" * (TEXT_CHARACTERS_MAX + 9), files=files)
    (item,) = EventHook().parse(slack.posted(slack.callback(event)), slack.workspace())
    assert isinstance(item, Arrived)
    assert len(item.message.text) == TEXT_CHARACTERS_MAX
    assert len(item.message.attachments) == ATTACHMENTS_MAX
