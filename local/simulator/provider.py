"""What a simulated provider is to the rest of the simulator, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from local.simulator.account import Account, Accounts
from local.simulator.book import Book
from local.simulator.faults import Dice
from local.simulator.media import Media
from local.simulator.message import SentMessage, Written
from local.simulator.posting import Post


@dataclass(frozen=True, slots=True)
class Journey:
    """What becomes of an accepted message, as its provider names the steps.

    `unreachable` is the code of the error it ends with where its recipient can't be reached, and
    `failed` the status; 0 where the provider says so before it accepts, or never.
    """

    steps: tuple[str, ...]
    failed: str = ""
    unreachable: int = 0

    def after(self, status: str) -> tuple[str, ...]:
        """The steps that are left; none of a message that has failed."""
        if status in self.steps:
            return self.steps[self.steps.index(status) + 1 :]
        return () if status == self.failed else self.steps


@dataclass(frozen=True, slots=True)
class Desk:
    """What a provider works with: accounts, the book, its faults of now, the courier, files."""

    accounts: Accounts
    book: Book
    faults: Callable[[], Dice]
    carry: Callable[[SentMessage], None]
    media: Media = field(default_factory=Media)

    def accept(self, message: SentMessage) -> None:
        """Take a message, which from here on reaches its recipient."""
        self.book.add(message)
        self.carry(message)


class Provider(Protocol):
    """One provider."""

    @property
    def journey(self) -> Journey:
        """What becomes of its messages."""

    def routes(self) -> Iterable[web.RouteDef]:
        """Its API, at the addresses that the real one has."""

    def receipt(self, message: SentMessage) -> Post | None:
        """The webhook that tells of a message's last step; None where it tells nothing."""

    def name_of_next(self, account: Account, person: str) -> str:
        """An id for what somebody is about to write, unique within the account."""

    def inbound(self, written: Written, account: Account) -> Post | None:
        """The webhook that brings us what a customer wrote; None where the account has none."""
