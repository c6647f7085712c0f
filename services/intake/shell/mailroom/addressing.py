"""Which addresses are ours, and which conversation one of them names.

An account has its address, its `aliases` (a setting, between spaces), and every address that either
becomes by a plus sign and a tag before the at sign (RFC 5233). We put a conversation's token there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from services.intake.core.account import Account
from services.intake.core.identity import conversation_of_token
from services.intake.core.model import Channel
from services.intake.shell.addresses import BadAddress, normalise

ALIASES: Final = "aliases"
_IN_SUBJECT: Final = re.compile(r"\[#([a-z2-7]{26})\]", re.IGNORECASE)


def own_addresses(account: Account) -> tuple[str, ...]:
    """The account's address and its aliases, in one form each."""
    return _normalised((account.address, *account.settings.get(ALIASES, "").split()))


def is_own(account: Account, address: str) -> bool:
    """Whether what is sent to a (normalised) address comes to the account."""
    return address in own_addresses(account) or tag_of(account, address) is not None


def own_domains(account: Account) -> frozenset[str]:
    """Where the account's addresses are."""
    return frozenset(each.rpartition("@")[2] for each in own_addresses(account))


def tag_of(account: Account, address: str) -> str | None:
    """What stands between the plus sign and the at sign of an own address; None in any other."""
    for own in own_addresses(account):
        local, _, domain = own.rpartition("@")
        begin, end = f"{local}+", f"@{domain}"
        if address.startswith(begin) and address.endswith(end):
            return address[len(begin) : -len(end)]
    return None


def tagged(address: str, tag: str) -> str:
    """An own address that carries a tag."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{tag}@{domain}"


def conversation_named(
    account: Account,
    *,
    addressed: Iterable[str],
    recipients: Iterable[str],
    tags: Iterable[str],
    subject: str,
) -> str:
    """The conversation that a mail names: in an address, or else in its subject; empty for none.

    `addressed` are those of its header, of which only ours count; `recipients` are those that its
    carrier brought it to, which are ours under whatever name, and `tags` what it found in them.
    """
    found = _tags(account, addressed, recipients, tags)
    named = next(filter(None, map(conversation_of_token, found)), "")
    if named:
        return named
    in_subject = (conversation_of_token(each) for each in _IN_SUBJECT.findall(subject))
    return next(filter(None, in_subject), "")


def mailbox_of(address: str) -> str:
    """An address in its one form; empty for what is none."""
    try:
        return normalise(Channel.EMAIL, address)
    except BadAddress:
        return ""


def _tags(
    account: Account, addressed: Iterable[str], recipients: Iterable[str], tags: Iterable[str]
) -> Iterator[str]:
    yield from filter(None, (tag_of(account, mailbox_of(each)) for each in addressed))
    for recipient in recipients:
        yield recipient.rpartition("@")[0].rpartition("+")[2]
    yield from tags


@lru_cache(maxsize=1024)
def _normalised(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(mailbox_of, addresses))))
