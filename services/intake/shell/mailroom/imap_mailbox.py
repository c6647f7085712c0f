"""A mailbox on an IMAP server (RFC 3501, 9051), for a thread: every call waits for the network.

The protocol is IMAPClient's. What it reads is bounded, whatever a server announces.
"""

from __future__ import annotations

import imaplib
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from services.intake.shell.mail.parts import MAIL_BYTES_MAX
from services.intake.shell.mailroom.servers import Server, Tls

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
LITERAL_BYTES_MAX: Final = MAIL_BYTES_MAX + 1024
FAILURES: Final = (IMAPClientError, OSError, EOFError)
"""What a server, or what stands between, can do to us."""
SEEN: Final = b"\\Seen"


@dataclass(frozen=True, slots=True)
class Login:
    """Which mailbox, and how to get in. `processed` is where mails go once they are taken."""

    server: Server
    username: str
    password: str = field(repr=False)
    mailbox: str
    processed: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail, and when it came to its mailbox; 0 where the server does not tell.

    Of one that is too large, nothing is read.
    """

    raw: bytes = field(repr=False)
    arrived_at_ms: int
    is_too_large: bool = False


class Mailbox:
    """An open mailbox. Everything raises one of `FAILURES`."""

    def __init__(self, login: Login, address: str) -> None:
        """Connect to the IP address, log in, and open the mailbox."""
        self._login = login
        self._client = _Client(login.server, address)
        try:
            self._client.normalise_times = False
            if login.server.tls is Tls.STARTTLS:
                self._client.starttls(ssl.create_default_context())
            self._client.login(login.username, login.password)
            self._opened: dict[bytes, Any] = self._client.select_folder(login.mailbox)
        except BaseException:
            self.hang_up()
            raise

    @property
    def validity(self) -> int:
        """What UIDs belong to: with another one, they name other mails (RFC 9051, 2.3.1.1)."""
        return int(self._opened[b"UIDVALIDITY"])

    def unseen(self) -> Sequence[int]:
        """UIDs of what nobody has read yet, in the order of its coming."""
        return sorted(self._client.search(["UNSEEN"]))

    def after(self, uid: int) -> Sequence[int]:
        """UIDs of what has come after that one, read or not, in the order of its coming."""
        found = self._client.search(["UID", f"{uid + 1}:*"])
        return sorted(each for each in found if each > uid)  # `*` is the last one in any case

    def last_uid(self) -> int:
        """The UID of the latest mail, 0 where there is none."""
        following = self._opened.get(b"UIDNEXT")
        if following is not None:
            return int(following) - 1
        return max(self._client.search(["ALL"]), default=0)

    def fetch(self, uid: int) -> Fetched | None:
        """A mail, left unread; None where it is gone by now."""
        told = self._client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE"]).get(uid)
        if not told or b"RFC822.SIZE" not in told:
            return None
        at = told.get(b"INTERNALDATE")
        at_ms = int(at.timestamp() * 1000) if isinstance(at, datetime) else 0
        if told[b"RFC822.SIZE"] > MAIL_BYTES_MAX:
            return Fetched(b"", at_ms, is_too_large=True)
        raw = self._client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]")
        return None if raw is None else Fetched(raw, at_ms)

    def settle(self, uid: int) -> bool:
        """Mark a mail as read and, where the account says so, move it out of the way.

        False where the server does not let us, as in a mailbox that may only be read.
        """
        try:
            self._client.add_flags([uid], [SEEN], silent=True)
            if self._login.processed:
                self._move(uid)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            return False
        return True

    def _move(self, uid: int) -> None:
        if self._client.has_capability("MOVE"):  # RFC 6851
            self._client.move([uid], self._login.processed)
            return
        self._client.copy([uid], self._login.processed)
        self._client.delete_messages([uid], silent=True)
        if self._client.has_capability("UIDPLUS"):  # else others' deletions would go with it
            self._client.uid_expunge([uid])

    def close(self) -> None:
        """Take leave; whatever goes wrong with that is of no account."""
        try:
            self._client.logout()
        except FAILURES:
            self.hang_up()

    def hang_up(self) -> None:
        """End the connection, also while a call waits in another thread."""
        self._client.hang_up()


class _Client(IMAPClient):  # type: ignore[misc] # IMAPClient is untyped
    """Connects to an address that was checked, under the name that its certificate has."""

    def __init__(self, server: Server, address: str) -> None:
        self._server = server
        self._address = address
        super().__init__(
            server.host,
            server.port,
            ssl=server.tls is Tls.IMPLICIT,
            timeout=SocketTimeout(CONNECT_SECONDS, READ_SECONDS),
        )

    def hang_up(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self.socket().shutdown(socket.SHUT_RDWR)

    def _create_IMAP4(self) -> imaplib.IMAP4:
        return _Connection(self._server, self._address)


class _Connection(imaplib.IMAP4):
    def __init__(self, server: Server, address: str) -> None:
        self._server = server
        self._address = address
        super().__init__(server.host, server.port, timeout=CONNECT_SECONDS)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        plain = socket.create_connection((self._address, self._server.port), timeout)
        if self._server.tls is not Tls.IMPLICIT:
            return plain
        context = ssl.create_default_context()
        return context.wrap_socket(plain, server_hostname=self._server.host)

    def read(self, size: int) -> bytes:
        """A literal, as long as the server has just said."""
        if size > LITERAL_BYTES_MAX:
            raise self.abort("a literal is too large")
        return super().read(size)


def is_refusal(failure: BaseException) -> bool:
    """Whether the server does not know the user, or not this password."""
    return isinstance(failure, LoginError)
