"""The customers' side: somebody writes on their handset, and their provider brings it to us."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.simulator.account import Account
from local.simulator.book import Book
from local.simulator.message import Written, now_ms
from local.simulator.posting import Poster
from local.simulator.provider import Provider

DUPLICATES_MAX = 100
TEXT_CHARACTERS_MAX = 100_000
_TEXTS = ("provider", "account_id", "from", "text", "name", "id")
_NUMBERS = ("at_ms", "duplicate")


class Unsaid(ValueError):
    """Nobody can write such a message; the text says why."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a customer does: writes `text`, or has what they wrote as `id` brought again.

    It is brought `duplicate` times besides. `at_ms` is when they wrote it, 0 for now; `name` is
    what they call themselves, where the provider tells it.
    """

    provider: str
    account_id: str
    person: str
    text: str
    name: str = ""
    id: str = ""
    at_ms: int = 0
    duplicate: int = 0


def parse(document: object) -> Said:
    """Read what a customer does from JSON.

    Raises:
        Unsaid: A field is unknown, missing or of another type.
    """
    if not isinstance(document, dict):
        raise Unsaid("not an object")
    unknown = sorted(set(document) - {*_TEXTS, *_NUMBERS})
    if unknown:
        raise Unsaid(f"unknown: {', '.join(unknown)}")
    given: dict[str, Any] = {name: _of(document, name, str, "") for name in _TEXTS}
    given |= {name: _of(document, name, int, 0) for name in _NUMBERS}
    given["person"] = given.pop("from")
    said = Said(**given)
    if not said.person or not (said.text or said.id):
        raise Unsaid("from and text are wanted")
    if not 0 <= said.duplicate <= DUPLICATES_MAX or len(said.text) > TEXT_CHARACTERS_MAX:
        raise Unsaid(f"duplicate is up to {DUPLICATES_MAX}, text up to {TEXT_CHARACTERS_MAX}")
    return said


def _of(document: Mapping[str, Any], name: str, kind: type, default: object) -> object:
    found = document.get(name, default)
    if type(found) is not kind:  # true is an int too
        raise Unsaid(f"{name} is not {kind.__name__}")
    return found


@dataclass(frozen=True, slots=True)
class Handsets:
    """Everybody who may write to us."""

    book: Book
    poster: Poster
    providers: Mapping[str, Provider]
    accounts: Mapping[str, Account]

    async def write(self, said: Said) -> dict[str, Any]:
        """Bring a message to us; gives its id and the answers (0: no connection, -1: no answer).

        It takes as long as the provider has patience. Raises `Unsaid`.
        """
        account = self.accounts.get(said.account_id)
        if account is None or account.provider != said.provider:
            raise Unsaid(f"{said.provider} has no account {said.account_id}")
        provider = self.providers[said.provider]
        written = self._written(said, account, provider)
        post = provider.inbound(written, account)
        posts = [] if post is None else [post] * (1 + said.duplicate)
        answers = await asyncio.gather(*map(self.poster.post, posts))
        for answer in answers:
            self.book.note(
                "brought", account_id=account.account_id, name=written.name, answer=answer
            )
        return {"id": written.name, "answers": answers}

    def _written(self, said: Said, account: Account, provider: Provider) -> Written:
        """What is brought: something new, or what was written before."""
        if said.id:
            known = self.book.written_as(account.account_id, said.id)
            if known is None:
                raise Unsaid(f"nothing was written as {said.id}")
            return known
        written = Written(
            provider=said.provider,
            account_id=account.account_id,
            person=said.person,
            name=provider.name_of_next(account, said.person),
            text=said.text,
            at_ms=said.at_ms or now_ms(),
            number=self.book.count_written(account.account_id) + 1,
            called=said.name,
        )
        self.book.write(written)
        return written
