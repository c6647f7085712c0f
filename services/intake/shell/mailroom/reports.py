"""What other mail systems report of mails of ours, by mail: RFC 3464 (delivery), 5965 (complaints).

A report names our mail by the header that it returns. Copies are reported of too: only what became
of the recipient whom the mail was written to counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from services.intake.core.account import Account
from services.intake.core.commands import NoteProgress
from services.intake.core.identity import home_id, message_of_reference
from services.intake.core.model import Channel, Progress
from services.intake.shell.channels.mail_fields import fields_of
from services.intake.shell.channels.mail_receipts import COMPLAINED, reason_of
from services.intake.shell.channels.protocol import Reported
from services.intake.shell.mail.headers import Headers
from services.intake.shell.mail.mail import Automatic, Mail
from services.intake.shell.mail.parts import head_of
from services.intake.shell.mailroom.addressing import mailbox_of
from services.intake.shell.mailroom.markers import RECIPIENT

STATUS: Final = "message/delivery-status"
COMPLAINT: Final = "message/feedback-report"
REPORT_BYTES_MAX: Final = 64 * 1024
RECIPIENTS_MAX: Final = 100

_RETURNED: Final = frozenset({"message/rfc822", "text/rfc822-headers", "message/global"})
_PROGRESS: Final[Mapping[str, Progress]] = {
    "failed": Progress.FAILED,
    "delivered": Progress.DELIVERED,
    "relayed": Progress.SENT,
    "expanded": Progress.SENT,
}
_BLOCKS: Final = re.compile(r"(?:\r?\n){2,}")


@dataclass(frozen=True, slots=True)
class _Sent:
    """The mail of ours that a report returns."""

    message_id: str
    home_id: str
    has_copies: bool


def reports(mail: Mail, account: Account, *, at_ms: int) -> Iterator[Reported]:
    """The receipts that a mail amounts to; none for a mail that is no report on one of ours."""
    sent = _sent(mail) if mail.automatic is Automatic.BOUNCE else None
    if sent is None:
        return
    for file in mail.files:
        text = file.content[:REPORT_BYTES_MAX].decode("utf-8", "replace")
        if file.media_type == COMPLAINT:
            yield _reported(account, sent, Progress.DELIVERED, COMPLAINED, at_ms)
        elif file.media_type == STATUS:
            for block in _BLOCKS.split(text)[: RECIPIENTS_MAX + 1]:
                told = Headers(fields_of(block))
                progress = _PROGRESS.get(told.first("action").lower())
                if progress is not None and _is_meant(told, sent, account):
                    failed = progress is Progress.FAILED
                    reason = reason_of("bounce", told.first("status")) if failed else ""
                    yield _reported(account, sent, progress, reason, at_ms)


def _sent(mail: Mail) -> _Sent | None:
    """Its ids, from the header that came back."""
    for file in mail.files:
        if file.media_type in _RETURNED:
            head = head_of(file.content)
            message_id = message_of_reference(head.first("message-id").strip("<> "))
            recipient = head.first(RECIPIENT)
            if message_id and recipient:
                return _Sent(message_id, recipient, "cc" in head)
    return None


def _is_meant(told: Headers, sent: _Sent, account: Account) -> bool:
    """Whether the recipient is ours, who may have moved on to another address."""
    named = (told.first("original-recipient"), told.first("final-recipient"))
    addresses = (mailbox_of(each.rpartition(";")[2]) for each in named)
    homes = {home_id(account.tenant_id, Channel.EMAIL, each) for each in addresses if each}
    return sent.home_id in homes or not sent.has_copies


def _reported(
    account: Account, sent: _Sent, progress: Progress, reason: str, at_ms: int
) -> Reported:
    note = NoteProgress(
        tenant_id=account.tenant_id,
        home_id=sent.home_id,
        account_id=account.account_id,
        message_id=sent.message_id,
        provider_message_id="",
        progress=progress,
        reason=reason,
        occurred_at_ms=at_ms,
        by_provider=True,
    )
    return Reported(note, recipient="")
