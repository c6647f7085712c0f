"""The account book: fresh enough, bounded, and of use while Postgres is away; the vault."""

from __future__ import annotations

import asyncio

import pytest

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import FLAGS, Account, misstated
from services.intake.core.model import Channel
from services.intake.shell import accounts
from services.intake.shell.accounts import AccountBook
from services.intake.shell.vault import Sealed, Unsealable, Vault
from tests.unit.intake.doors import account
from tests.unit.intake.given import ACCOUNT


class Store:
    """Accounts that may be away."""

    def __init__(self, *known: Account) -> None:
        self.known = {each.account_id: each for each in known}
        self.away = False
        self.reads = 0

    async def read(self, account_id: str) -> Account | None:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("away")
        return self.known.get(account_id)


class Book:
    """A book with a clock that the test moves."""

    def __init__(self, store: Store) -> None:
        self.now_s = 0.0
        self.book = AccountBook(store, monotonic=lambda: self.now_s)


async def test_an_account_is_read_once_while_it_is_fresh() -> None:
    store = Store(account())
    book = Book(store)
    found = await asyncio.gather(*(book.book.get(ACCOUNT) for _ in range(50)))
    assert set(map(id, found)) == {id(store.known[ACCOUNT])}
    assert store.reads == 1
    book.now_s += accounts.FRESH_SECONDS
    await book.book.get(ACCOUNT)
    assert store.reads == 2


async def test_what_is_known_serves_while_postgres_is_away() -> None:
    store = Store(account())
    book = Book(store)
    await book.book.get(ACCOUNT)
    store.away, book.now_s = True, 1e6
    assert await book.book.get(ACCOUNT) == account()


async def test_what_is_not_known_is_not_denied_while_postgres_is_away() -> None:
    store = Store()
    book = Book(store)
    assert await book.book.get("new") is None
    store.away, book.now_s = True, accounts.UNKNOWN_FRESH_SECONDS
    with pytest.raises(StoreUnavailable):
        await book.book.get("new")


async def test_a_flood_of_unknown_accounts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "KEPT_MAX", 10)
    store = Store(account())
    book = Book(store)
    for number in range(50):
        await book.book.get(f"flood-{number}")
    assert store.reads == 50
    await book.book.get("flood-49")
    await book.book.get("flood-0")
    assert store.reads == 51


async def test_what_was_just_written_is_read_again() -> None:
    store = Store(account())
    book = Book(store)
    await book.book.get(ACCOUNT)
    book.book.forget(ACCOUNT)
    await book.book.get(ACCOUNT)
    assert store.reads == 2


OLD, NEW = b"o" * 32, b"n" * 32


def test_a_secret_is_opened_by_the_key_that_sealed_it() -> None:
    sealed = Vault([OLD]).seal("token", belongs_to="a/auth_token")
    assert b"token" not in sealed.sealed
    assert Vault([NEW, OLD]).open(sealed, belongs_to="a/auth_token") == "token"
    with pytest.raises(Unsealable, match="no key"):
        Vault([NEW]).open(sealed, belongs_to="a/auth_token")


def test_a_secret_cannot_be_moved_or_bent() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("token", belongs_to="a/auth_token")
    with pytest.raises(Unsealable):
        vault.open(sealed, belongs_to="b/auth_token")
    bent = Sealed(sealed.key_id, sealed.nonce, bytes([sealed.sealed[0] ^ 1]) + sealed.sealed[1:])
    with pytest.raises(Unsealable):
        vault.open(bent, belongs_to="a/auth_token")


def test_no_two_seals_are_alike() -> None:
    vault = Vault([NEW])
    seals = {vault.seal("token", belongs_to="a").sealed for _ in range(100)}
    assert len(seals) == 100


def test_an_account_never_shows_its_secrets() -> None:
    assert "f0e1d2" not in repr(account())


@pytest.mark.parametrize(
    ("stated", "per_second"),
    [("", None), ("1", 1.0), ("0.5", 0.5), ("80", 80.0), ("1e3", 1000.0)],
)
def test_a_rate_is_a_number_of_messages_a_second(stated: str, per_second: float | None) -> None:
    settings = {"messages_per_second": stated} if stated else {}
    assert misstated(settings, Channel.SMS) is None
    assert account(settings=settings).messages_per_second == per_second


@pytest.mark.parametrize("stated", ["", "0", "-1", "fast", "nan", "inf", "1e9", "1,5"])
def test_what_is_no_rate_is_said_to_be_none_and_limits_nothing(stated: str) -> None:
    settings = {"messages_per_second": stated}
    wrong = misstated(settings, Channel.SMS)
    assert wrong is not None
    assert wrong[0] == "messages_per_second"
    assert account(settings=settings).messages_per_second is None


@pytest.mark.parametrize("name", FLAGS)
def test_a_yes_is_true_and_nothing_else(name: str) -> None:
    assert account(settings={name: "true"}).says(name)
    for stated in ("false", "yes", "True", ""):
        assert not account(settings={name: stated}).says(name)
    assert not account(settings={}).says(name)
    assert misstated({name: "false"}, Channel.SMS) is None
    assert misstated({name: "yes"}, Channel.SMS) == (name, "is true or false")


@pytest.mark.parametrize(("stated", "says"), [("", True), ("true", True), ("false", False)])
def test_some_are_a_yes_unless_something_is_stated(stated: str, says: bool) -> None:
    assert account(settings={"x": stated}).says("x", unless_stated=True) is says


@pytest.mark.parametrize(
    ("listed", "sender", "blocks"),
    [
        ("", "a@b.example", False),
        ("", "", False),
        ("A@b.example +491", "a@B.example", True),
        ("a@b.example +491", "+491", True),
        ("@b.example", "a@b.example", True),
        ("@b.example", "a@sub.b.example", False),
        ("b.example", "a@b.example", False),
        ("+491", "+4912", False),
        ("@b.example", "", False),
    ],
)
def test_blocked_are_addresses_and_domains(listed: str, sender: str, blocks: bool) -> None:
    assert account(settings={"blocked_senders": listed}).blocks(sender) is blocks


@pytest.mark.parametrize(
    ("channel", "stated", "why"),
    [
        (Channel.SMS, "Shop, +49 30 1. STOP ends it.", ""),
        (Channel.SMS, "x" * 600, ""),
        (Channel.SMS, "x" * 601, "has at most 600 characters"),
        (Channel.SMS, "", "is empty: leave it out for a person to answer"),
        (Channel.SMS, " \n", "is empty: leave it out for a person to answer"),
        (Channel.WHATSAPP, "Shop", "is for SMS: leave it out"),
        (Channel.CHAT, "", "is for SMS: leave it out"),
    ],
)
def test_an_answer_to_help_is_a_text_for_sms(channel: Channel, stated: str, why: str) -> None:
    assert misstated({"help_text": stated}, channel) == (("help_text", why) if why else None)
