"""The accounts that we hold with the providers, as the providers know them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Account:
    """One account: what a call says to belong to it, and where the provider reaches its owner.

    `settings` and `secrets` have the names that intake gives them. `webhooks` are the addresses of
    one webhook: behind several there are several processes, and posts go to them in turn.
    """

    account_id: str
    provider: str
    address: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhooks: tuple[str, ...] = ()

    def setting(self, name: str) -> str:
        """A setting; empty where there is none."""
        return self.settings.get(name, "")

    def secret(self, name: str) -> str:
        """A secret; empty where there is none."""
        return self.secrets.get(name, "")


class Accounts:
    """The accounts of one provider."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        """Find them by id, by what they are called at the provider, or by a secret."""
        self._accounts = {each.account_id: each for each in accounts}

    def __iter__(self) -> Iterator[Account]:
        """Give them all."""
        return iter(self._accounts.values())

    def get(self, account_id: str) -> Account | None:
        """The account with an id of ours."""
        return self._accounts.get(account_id)

    def called(self, name: str, value: str) -> Account | None:
        """The account that has this setting."""
        return next((each for each in self if value and each.setting(name) == value), None)

    def known_by(self, secret: str, given: str) -> Account | None:
        """The account whose secret was given; all are compared, in the same time."""
        found = [each for each in self if is_same(each.secret(secret), given)]
        return next(iter(found), None)


def is_same(secret: str, given: str) -> bool:
    """Whether a secret was given; one that is not set, never."""
    same = hmac.compare_digest(secret.encode(), given.encode("utf-8", "replace"))
    return same and bool(secret)


def parse(text: str) -> tuple[Account, ...]:
    """Read a JSON list of accounts.

    Raises:
        ValueError: It is no such list.
    """
    try:
        listed = [Account(**each) for each in json.loads(text)]
    except TypeError as problem:
        raise ValueError(f"accounts: {problem}") from None
    return tuple(replace(each, webhooks=tuple(each.webhooks)) for each in listed)
