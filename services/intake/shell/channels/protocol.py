"""What a channel is to its door and to delivery.

A hook is pure: it sees one request as bytes and one account, and says who wrote what. Reading the
body, finding the account, publishing and counting are the door's (`shell/http.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from aiohttp import ClientSession
from starlette.responses import Response

from services.intake.core.account import Account
from services.intake.core.call_model import NoteCall
from services.intake.core.commands import LinkIdentity, NoteProgress, ReceiveMessage, Revision
from services.intake.core.delivery.model import Dispatch
from services.intake.core.model import Attachment
from services.intake.core.model import Channel as Medium
from services.intake.core.sms import Length
from services.intake.ports import Sender
from services.intake.shell.fetching import Fetched, Fetcher


class Malformed(ValueError):
    """The request is not what its provider sends. The text names the field, never its value."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came. `url` is the public one, with its query; header names lower case."""

    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    now_ms: int


@dataclass(frozen=True, slots=True)
class File:
    """A file whose content came with its message. Name and media type are what its sender says.

    `content_id` is what a mail's html calls it, without brackets.
    """

    file_name: str
    media_type: str
    content: bytes = field(repr=False)
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A customer's message; `client_message_id` names it where the provider does not.

    `files` and the `original`, the message as it came, are kept before the message is published.
    """

    message: ReceiveMessage
    client_message_id: str = ""
    files: tuple[File, ...] = ()
    original: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the carrier of a mail says of it.

    `recipients` are addresses that it was delivered for, `tags` what stands after the plus sign of
    one, where the carrier has told it apart. `carrier_id` names a mail that has no Message-ID.
    """

    received_at_ms: int
    recipients: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    carrier_id: str = ""


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as it went over the wire (RFC 5322). Nobody has looked into it yet."""

    raw: bytes = field(repr=False)
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class MailParts:
    """A mail that its carrier has taken apart; header fields stand as the mail has them."""

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    files: tuple[File, ...]
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Reported:
    """A provider's receipt for a message that went to `recipient`."""

    note: NoteProgress
    recipient: str


@dataclass(frozen=True, slots=True)
class Revised:
    """A customer changed, took back or reacted to a message."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class Linked:
    """A customer has another address, says the provider, and has written nothing with it yet."""

    link: LinkIdentity


@dataclass(frozen=True, slots=True)
class Called:
    """A provider tells of a call, and may ask what to do: then `answer` says so, in its words."""

    note: NoteCall
    from_address: str
    to_address: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """What we have no use for, or cannot read: it is counted, and holds up nothing beside it.

    `kind` is one of the few names that the channel's file has, never the provider's text. What
    nobody foresaw has a `payload`, which is kept: see `leftovers.py`.
    """

    kind: str
    payload: bytes = field(default=b"", compare=False)


Opened = Arrived | Reported | Revised | Linked | Called | Unread
Mailed = RawMail | MailParts
"""What has to be read before anybody knows what it is."""
Item = Opened | Mailed


class Hook(Protocol):
    """One webhook of a channel."""

    @property
    def path(self) -> str:
        """Its route, with `{account_id}` in it."""

    @property
    def body_bytes_max(self) -> int:
        """What its provider could ever send; more is answered 413."""

    def verify(self, incoming: Incoming, account: Account) -> bool:
        """Whether the request is signed by a live key of the account. In constant time."""

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        """What the request says. Raises `Malformed`, `BadAddress`."""

    def answer(self, incoming: Incoming, items: Sequence[Item]) -> Response:
        """What the provider wants to hear, once every item is durable."""


class Handshake(Protocol):
    """How a provider asks, with a GET, whether an address is really ours."""

    @property
    def path(self) -> str:
        """Its route, with `{account_id}` in it."""

    def answer(self, query: Mapping[str, str], account: Account) -> Response | None:
        """What proves it; None for whoever does not know the account's token."""


Link = Callable[[Dispatch, Attachment], str | None]
"""Where a message's file can be fetched by whoever is given the address; None for nowhere."""


def no_link(dispatch: Dispatch, attachment: Attachment) -> None:
    """Files are not shown to anybody."""
    del dispatch, attachment


def uncounted(length: Length) -> None:
    """Nobody counts segments."""
    del length


Contents = Callable[[str, Attachment], Awaitable[bytes | None]]
"""The content of a tenant's file, if we keep it. Raises `StoreUnavailable`."""


async def no_content(tenant_id: str, attachment: Attachment) -> None:
    """We keep no files."""
    del tenant_id, attachment


@dataclass(frozen=True, slots=True)
class SendingContext:
    """What a channel's way out may use. `count` is told of each text that went out as SMS.

    `networks` are those that are not public and that an account's mail server may be in.
    """

    session: ClientSession
    public_url: str
    api_urls: Mapping[str, str]  # by provider, where its API is not at its own address
    link: Link = no_link
    count: Callable[[Length], None] = uncounted
    content: Contents = no_content
    networks: tuple[IPv4Network | IPv6Network, ...] = ()


class MediaSource(Protocol):
    """Where a provider keeps what customers attach."""

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        """The file that `attachment.reference` names, as this channel's hooks have written it.

        It may also be what a program wrote: nothing in it is trusted. Raises `Forbidden` for what
        this provider will never give us, `Unfetchable` for what it may give us later.
        """


@dataclass(frozen=True, slots=True)
class MediaContext:
    """What a channel's media source may use."""

    fetcher: Fetcher
    api_urls: Mapping[str, str]  # by provider, where its API is not at its own address
    bytes_max: int  # of one file


@dataclass(frozen=True, slots=True)
class Channel:
    """A provider's channel: which media its accounts are of, and its ways in and out.

    `receipts` are the paths of hooks that bring nothing but word of what we sent. A `patient`
    provider repeats for hours what it was answered 503. `sender` is None where nothing can be sent,
    `media_source` where no files come in.
    """

    provider: str
    media: frozenset[Medium]
    hooks: tuple[Hook, ...]
    handshakes: tuple[Handshake, ...] = ()
    receipts: frozenset[str] = frozenset()
    patient: bool = False
    sender: Callable[[SendingContext], Sender] | None = None
    media_source: Callable[[MediaContext], MediaSource] | None = None
