"""What providers report of mails of ours, and how they know them: by two ids that go along.

Each recipient of a mail is reported of. Only what becomes of the one whom it is written to counts:
copies go to others who have a part in the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from services.intake.core.account import Account
from services.intake.core.commands import NoteProgress
from services.intake.core.delivery.model import Dispatch
from services.intake.core.identity import home_id
from services.intake.core.model import Channel, Progress
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.channels.json_fields import Json, text_in
from services.intake.shell.channels.leftovers import UNKNOWN, leftover
from services.intake.shell.channels.protocol import Incoming, Item, Reported, Unread

MESSAGE: Final = "sb_message"
RECIPIENT: Final = "sb_recipient"  # Postmark takes names of 20 characters
COMPLAINED: Final = "complained"

_WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")


def ids_of(dispatch: Dispatch) -> Mapping[str, str]:
    """What goes along with a mail. Neither id says who somebody is."""
    recipient = home_id(dispatch.tenant_id, Channel.EMAIL, _normalised(dispatch.recipient))
    return {MESSAGE: dispatch.message_id, RECIPIENT: recipient}


def reported(
    account: Account,
    incoming: Incoming,
    *,
    ids: Json,
    address: str,
    progress: Progress,
    provider_id: str = "",
    reason: str = "",
    at_ms: int = 0,
) -> Item:
    """What `ids`, as they came back, and a step make; counted where it is none of ours."""
    message_id, recipient = text_in(ids, MESSAGE), text_in(ids, RECIPIENT)
    if not message_id or not recipient:
        return Unread("foreign_mail")
    normalised = _normalised(address)
    if home_id(account.tenant_id, Channel.EMAIL, normalised) != recipient:
        return Unread("copy")
    note = NoteProgress(
        tenant_id=account.tenant_id,
        home_id=recipient,
        account_id=account.account_id,
        message_id=message_id,
        provider_message_id=provider_id,
        progress=progress,
        reason=reason,
        occurred_at_ms=min(at_ms or incoming.now_ms, incoming.now_ms),
        by_provider=True,
    )
    return Reported(note, normalised)


def no_step(event: Json, counted_as: str | None) -> Unread:
    """An event that changes nothing: counted where it is known, else kept as well."""
    return Unread(counted_as) if counted_as else leftover(UNKNOWN, event)


def reason_of(*words: object) -> str:
    """A reason for programs: providers' own sentences hold addresses, their words do not."""
    texts = (str(word) for word in words if word is not None)
    return "_".join(text for text in texts if _WORD.fullmatch(text))


def _normalised(address: str) -> str:
    try:
        return normalise(Channel.EMAIL, address)
    except BadAddress:
        return ""
