"""A mail as the threader wants it: who wrote, to whom, what is new in it, what it continues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from services.intake.core.account import Account
from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Automatic, Channel
from services.intake.shell.channels.arrivals import NAME_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from services.intake.shell.channels.protocol import Arrived, Envelope, File, Unread
from services.intake.shell.mail import mail as library
from services.intake.shell.mail.mail import Mail
from services.intake.shell.mailroom.addressing import (
    conversation_named,
    is_own,
    mailbox_of,
    own_domains,
)

QUOTED_CHARACTERS_MAX: Final = 50_000
"""The whole of it is in the mail as it came; a record of the log has to stay below a megabyte."""
PARTICIPANTS_MAX: Final = 50
LIST_ID: Final = "list_id"
NO_SENDER: Final = Unread("no_sender")
LOOP: Final = Unread("loop")

_AUTOMATIC: Final[Mapping[library.Automatic, Automatic | None]] = {
    library.Automatic.NO: None,
    library.Automatic.AUTO_REPLY: Automatic.AUTO_REPLY,
    library.Automatic.BOUNCE: Automatic.BOUNCE,
    library.Automatic.BULK: Automatic.BULK,
    library.Automatic.LOOP: Automatic.LOOP,
}


def arriving(mail: Mail, envelope: Envelope, account: Account, *, digest: str) -> Arrived | Unread:
    """What a mail says to an account; `digest` names one that nobody has named.

    It counts as written when it came: its own date is its sender's to choose.
    """
    if is_returned(mail, account):
        return LOOP
    sender, name = _sender(mail, account)
    if not sender:
        return NO_SENDER
    provider_id = mail.message_id or envelope.carrier_id or digest
    message = ReceiveMessage(
        tenant_id=account.tenant_id,
        home_id=home_id(account.tenant_id, Channel.EMAIL, sender),
        account_id=account.account_id,
        channel=Channel.EMAIL,
        from_address=sender,
        to_address=account.address,
        message_id=inbound_message_id(account.account_id, provider_id),
        provider_message_id=provider_id,
        text=mail.text[:TEXT_CHARACTERS_MAX],
        occurred_at_ms=envelope.received_at_ms,
        received_at_ms=envelope.received_at_ms,
        new_conversation_id="",
        from_name=name[:NAME_CHARACTERS_MAX],
        subject=mail.subject,
        language=account.language,
        pool_hint=account.pool_hint,
        tags=account.tags,
        in_reply_to=mail.in_reply_to,
        participants=_participants(mail, account, sender),
        automatic=_automatic(mail, account, sender),
        conversation_hint=_hint(mail, envelope, account),
        quoted_text=mail.quoted[:QUOTED_CHARACTERS_MAX],
    )
    files = (File(f.file_name, f.media_type, f.content, f.content_id) for f in mail.files)
    return Arrived(message, files=tuple(files))


def is_returned(mail: Mail, account: Account) -> bool:
    """Whether it is a mail of this account's that came back as it was."""
    domain = mail.sent_as.rpartition("@")[2].lower()
    return bool(domain) and domain in own_domains(account)


def _sender(mail: Mail, account: Account) -> tuple[str, str]:
    """Who wrote, and their name. A form on a web page writes in our name, to be answered to its
    visitor: what comes from ourselves is from whom Reply-To names.
    """
    sender, answered = mailbox_of(mail.from_address), mailbox_of(mail.reply_to)
    if sender and is_own(account, sender) and answered and not is_own(account, answered):
        return answered, ""
    return sender, mail.from_name


def _automatic(mail: Mail, account: Account, sender: str) -> Automatic | None:
    """Why nobody answers it. What a list of the account's own passes on is from people."""
    if is_own(account, sender):
        return Automatic.LOOP
    listed = account.settings.get(LIST_ID, "").strip("<> ").lower()
    if mail.automatic is library.Automatic.BULK and listed and listed == mail.list_id.lower():
        return None
    return _AUTOMATIC[mail.automatic]


def _participants(mail: Mail, account: Account, sender: str) -> tuple[str, ...]:
    """Everybody else who got it, or is to get an answer."""
    named: Iterable[str] = map(mailbox_of, (*mail.to, *mail.cc, mail.reply_to))
    others = (each for each in named if each and each != sender and not is_own(account, each))
    return tuple(dict.fromkeys(others))[:PARTICIPANTS_MAX]


def _hint(mail: Mail, envelope: Envelope, account: Account) -> str:
    return conversation_named(
        account,
        addressed=(*mail.to, *mail.cc, *mail.delivered_to),
        recipients=envelope.recipients,
        tags=envelope.tags,
        subject=mail.subject,
    )
