"""A mail as everything behind its reader knows it, and the one error of reading.

Every text is valid Unicode without NUL, without control characters but tab and line feed, and with
line feeds only: Postgres stores it, UTF-8 encodes it, and no header can be made of it that its
sender has not been allowed to write.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BadMail(ValueError):
    """A mail that is not read. The text says which limit it breaks, never what it contains."""


class Automatic(StrEnum):
    """Who wrote a mail, if no person did. Nothing automatic is answered automatically (RFC 3834).

    - AUTO_REPLY: a program answers or notifies: out of office, confirmation, read receipt.
    - BOUNCE: a mail system reports on a mail of ours: refused, delayed, complained about.
    - BULK: sent to many: newsletters, and whatever comes through a mailing list (see `list_id`).
    - LOOP: what a desk sent has come back to it, or says that it would.
    """

    NO = ""
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    BULK = "bulk"
    LOOP = "loop"


@dataclass(frozen=True, slots=True)
class MailFile:
    """A part of a mail that is not its text.

    `media_type` is lower case and has no parameters, as little to be trusted as the name, which has
    no folder in it and at most 255 bytes. `content_id` is without brackets; `inline` tells that
    the mail's html shows the file under it.
    """

    file_name: str
    media_type: str
    content: bytes
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. Addresses are as written, without names; what is absent or unreadable is empty.

    - `from_address` is that of From, else of Sender. Nobody has checked that it is the sender's.
    - `in_reply_to`: ids of earlier messages, the likeliest first: In-Reply-To, References from the
      newest to the oldest, then those of mails that a bounce returns. Ids are without brackets.
    - `date_ms`: what the sender's clock said, 0 if nothing that can be read. Not to be trusted.
    - `text`: what the person newly wrote. `quoted`: what they quoted, and their signature. The one
      after the other they are the whole text.
    - `html`: sanitised, as a fragment; empty if the mail has none. It shows the whole mail.
    - `delivered_to`: the addresses it may have been delivered for, the most telling first.
    - `list_id`: of the mailing list that passed it on (RFC 2919). Mail that people send to a group
      that is a desk's own address is BULK too: who knows the account's list can tell it apart.
    - `sent_as`: what the desk that sent it calls it, if one like us did. Only who knows its own
      names can tell a mail that has come back from one of another desk's people.
    """

    from_address: str
    from_name: str = ""
    reply_to: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    subject: str = ""
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    date_ms: int = 0
    text: str = ""
    quoted: str = ""
    html: str = ""
    files: tuple[MailFile, ...] = ()
    automatic: Automatic = Automatic.NO
    delivered_to: tuple[str, ...] = ()
    list_id: str = ""
    sent_as: str = ""
