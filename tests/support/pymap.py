"""A real IMAP server with one empty mailbox, as a process of its own (pymap)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from imapclient import IMAPClient

from local.ports import free_ports
from tests.support.certificates import Certificate
from tests.support.waiting import until_now

HOST = "127.0.0.1"
USER = "help"
PASSWORD = "a-mailbox-password"


@dataclass(frozen=True)
class ImapServer:
    """Where it is, and what a person does there with a mail program, in one folder."""

    port: int
    folder: str = "INBOX"

    @contextmanager
    def opened(self) -> Iterator[IMAPClient]:
        """A mail program that is logged in, in the folder."""
        with IMAPClient(HOST, self.port, ssl=False, timeout=10) as client:
            client.login(USER, PASSWORD)
            client.select_folder(self.folder)
            yield client

    def with_folder(self, name: str) -> ImapServer:
        """The same server, in a folder that is made now."""
        with self.opened() as client:
            client.create_folder(name)
        return replace(self, folder=name)

    def deliver(self, raw: bytes, *, seen: bool = False) -> None:
        """A mail comes in."""
        with self.opened() as client:
            client.append(self.folder, raw, flags=[b"\\Seen"] if seen else [])

    def unseen(self) -> int:
        """How many mails are unread."""
        with self.opened() as client:
            return len(client.search(["UNSEEN"]))

    def count(self) -> int:
        """How many mails there are."""
        with self.opened() as client:
            return len(client.search(["ALL"]))

    def is_up(self) -> bool:
        """Whether it lets somebody in."""
        try:
            return self.count() >= 0
        except OSError:
            return False


@contextmanager
def running(certificate: Certificate | None = None) -> Iterator[ImapServer]:
    """The server, up; with a certificate it offers STARTTLS."""
    (port,) = free_ports(1)
    tls = ["--no-tls"]
    if certificate is not None:
        tls = ["--cert", str(certificate.certificate), "--key", str(certificate.key)]
    child = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "pymap"),
            *("--host", HOST, "--port", str(port), *tls),
            *("--no-service", "admin", "--no-service", "managesieve"),
            *("dict", "--demo-user", USER, "--demo-password", PASSWORD),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_now(ImapServer(port).is_up, what="the IMAP server")
        yield ImapServer(port)
    finally:
        child.kill()
        child.wait()
