"""Sessions of web chat: tokens that open where they belong, and whom a site may name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.identity import home_id
from services.intake.core.model import Channel
from services.intake.shell.addresses import BadAddress
from services.intake.shell.channels.protocol import Malformed
from services.intake.shell.chat import identities
from services.intake.shell.chat.door import is_allowed
from services.intake.shell.chat.identities import WrongSignature, person_of, stated
from services.intake.shell.chat.lobby import Lobby
from services.intake.shell.chat.sealing import BadToken
from services.intake.shell.chat.sessions import (
    DAY_MS,
    Person,
    Session,
    SessionTokens,
    begun,
    new_visitor_id,
)
from tests.unit.intake.chat import ID, IDENTITY_KEY, KEY, SITE, World, chat_account
from tests.unit.intake.given import NOON_MS, TENANT

OLD_KEY = bytes(32)
TOKENS = SessionTokens([KEY])
PERSON = Person("c-1", "ada@example.org", email_verified=True, name="Ada")


def signed(key: str = IDENTITY_KEY, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"exp": 2**33} | claims, key, algorithm=algorithm)


@pytest.fixture(autouse=True)
def far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expiry is the library's to see, by the wall clock: these tests have a clock of their own."""
    monkeypatch.setattr(identities, "AHEAD_MS_MAX", 2**50)


@given(
    st.builds(
        Session,
        st.just(ID),
        st.text(min_size=1, max_size=40),
        st.integers(NOON_MS + 1, 2**52),
        st.none() | st.builds(Person, st.text(), st.text(), st.booleans(), st.text()),
    )
)
def test_a_token_opens_to_what_was_sealed(session: Session) -> None:
    token = TOKENS.seal(session)
    assert token.replace("-", "").replace("_", "").isalnum()
    if len(token) <= 4096:
        assert TOKENS.open(token, ID, now_ms=NOON_MS) == session


def test_a_token_says_nothing_and_opens_nowhere_else() -> None:
    session = begun(ID, "visitor", now_ms=NOON_MS, person=PERSON)
    token = TOKENS.seal(session)
    assert TOKENS.seal(session) != token
    with pytest.raises(BadToken, match="this account"):
        TOKENS.open(token, "another", now_ms=NOON_MS)
    with pytest.raises(BadToken, match="this account"):
        SessionTokens([OLD_KEY]).open(token, ID, now_ms=NOON_MS)
    with pytest.raises(BadToken, match="expired"):
        TOKENS.open(token, ID, now_ms=session.expires_at_ms)


@given(st.integers(0, 120), st.sampled_from("Az9_-"))
def test_a_token_that_was_changed_opens_nowhere(at: int, letter: str) -> None:
    session = begun(ID, "visitor", now_ms=NOON_MS)
    token = TOKENS.seal(session)
    at %= len(token) - 1  # the last letter has bits that no byte needs
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(BadToken):
            TOKENS.open(changed, ID, now_ms=NOON_MS)


@given(st.text())
def test_a_token_that_is_none_opens_nowhere(text: str) -> None:
    with pytest.raises(BadToken):
        TOKENS.open(text, ID, now_ms=NOON_MS)


def test_a_key_that_was_replaced_still_opens() -> None:
    session = begun(ID, "visitor", now_ms=NOON_MS)
    token = SessionTokens([OLD_KEY]).seal(session)
    assert SessionTokens([KEY, OLD_KEY]).open(token, ID, now_ms=NOON_MS) == session


def test_a_visitors_token_is_renewed_and_a_persons_is_not() -> None:
    visitor = begun(ID, "v", now_ms=NOON_MS)
    assert visitor.renew_at_ms == NOON_MS + 15 * DAY_MS
    assert visitor.expires_at_ms == NOON_MS + 30 * DAY_MS
    person = begun(ID, "v", now_ms=NOON_MS, person=PERSON)
    assert person.renew_at_ms == person.expires_at_ms == NOON_MS + DAY_MS
    assert len({new_visitor_id() for _ in range(1000)}) == 1000


def test_a_site_names_a_person() -> None:
    claims: dict[str, Any] = {
        "sub": "c-1",
        "email": "Ada@Example.org",
        "name": "Ada\x00",
        "tier": "ignored",
    }
    person = person_of(signed(**claims), chat_account(), now_ms=NOON_MS)
    assert person == PERSON
    api, mail = stated(person, TENANT)
    assert (api.channel, api.address, api.verified) == (Channel.API, "c-1", True)
    assert (mail.channel, mail.address, mail.verified) == (Channel.EMAIL, person.email, True)
    assert api.home_id == home_id(TENANT, "API", "c-1")


def test_a_mailbox_that_the_site_has_not_verified_is_only_stated() -> None:
    claims: dict[str, Any] = {"sub": "c-1", "email": "ada@example.org", "email_verified": False}
    person = person_of(signed(**claims), chat_account(), now_ms=NOON_MS)
    assert [each.verified for each in stated(person, TENANT)] == [True, False]


def test_every_live_key_verifies() -> None:
    before = signed(key="the-key-before-of-thirty-two-letters", sub="c-1")
    assert person_of(before, chat_account(), now_ms=NOON_MS).external_id == "c-1"


@pytest.mark.parametrize(
    "proof",
    [
        signed(key="another-key-of-thirty-two-letters", sub="c-1"),
        signed(key="", algorithm="none", sub="c-1"),
        signed(algorithm="HS512", sub="c-1"),
        signed(sub="c-1", exp=1),
        jwt.encode({"sub": "c-1"}, IDENTITY_KEY, algorithm="HS256"),
        "nonsense",
        "a.b.c",
    ],
)
def test_what_no_live_key_has_signed_is_refused(proof: str) -> None:
    with pytest.raises(WrongSignature):
        person_of(proof, chat_account(), now_ms=NOON_MS)


def test_an_account_without_a_key_lets_nobody_be_named() -> None:
    with pytest.raises(WrongSignature):
        person_of(signed(sub="c-1"), chat_account(secrets={}), now_ms=NOON_MS)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({}, Malformed),
        ({"sub": 7}, Malformed),
        ({"email": "ada@example.org", "email_verified": False}, Malformed),
        ({"email": "ada@example.org", "email_verified": "true"}, Malformed),
        ({"email": "nobody"}, BadAddress),
        ({"sub": "c" * 400}, BadAddress),
        ({"sub": "c-1", "name": "x" * 5000}, Malformed),
    ],
)
def test_what_names_nobody_is_malformed(claims: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        person_of(signed(**claims), chat_account(), now_ms=NOON_MS)


def test_a_word_of_a_site_lasts_a_day_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "AHEAD_MS_MAX", DAY_MS)
    with pytest.raises(Malformed, match="a day ahead"):
        person_of(signed(sub="c-1"), chat_account(), now_ms=NOON_MS)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def lobby(world: World) -> Lobby:
    return Lobby(TOKENS, world.lines, world)


async def enter(lobby: Lobby, token: str = "", **claims: Any) -> Session:
    identity = signed(**claims) if claims else ""
    return await lobby.enter(chat_account(), token=token, identity=identity)


async def test_a_visitor_stays_the_same_and_gets_more_time(lobby: Lobby, world: World) -> None:
    first = await enter(lobby)
    world.time_ms += DAY_MS
    again = await enter(lobby, TOKENS.seal(first))
    assert again == replace(first, expires_at_ms=first.expires_at_ms + DAY_MS)
    world.time_ms += 31 * DAY_MS
    assert (await enter(lobby, TOKENS.seal(again))).visitor_id != first.visitor_id
    assert (await enter(lobby, "nonsense")).visitor_id != first.visitor_id


async def test_who_is_named_stays_who_they_were_on_all_devices(lobby: Lobby) -> None:
    before = await enter(lobby)
    named = await enter(lobby, TOKENS.seal(before), sub="c-1")
    assert named.visitor_id == before.visitor_id
    assert (await enter(lobby, sub="c-1")).visitor_id == before.visitor_id
    elsewhere = await enter(lobby)
    named_there = await enter(lobby, TOKENS.seal(elsewhere), sub="c-1")
    assert named_there.visitor_id == before.visitor_id


async def test_nobody_inherits_a_named_visitor(lobby: Lobby) -> None:
    before = await enter(lobby)
    named = await enter(lobby, TOKENS.seal(before), sub="c-1")
    for token in map(TOKENS.seal, (before, named)):
        assert (await enter(lobby, token)).visitor_id != before.visitor_id
        other = await enter(lobby, token, sub="c-2")
        assert other.visitor_id != before.visitor_id


async def test_two_who_are_named_at_once_are_two(lobby: Lobby, world: World) -> None:
    world.lines.persons["somebody"] = "taken"
    found = await lobby._visitor_of(chat_account(), PERSON, "taken")
    assert found != "taken"
    assert found == await lobby._visitor_of(chat_account(), PERSON, "taken")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SITE, True),
        ("https://SHOP.example", True),
        ("https://other.example", True),
        ("http://shop.example", False),
        ("https://shop.example:8443", False),
        ("https://shop.example.evil", False),
        ("null", False),
        ("", False),
    ],
)
def test_only_origins_that_are_listed_are_allowed(origin: str, allowed: bool) -> None:
    assert is_allowed(origin, chat_account()) is allowed
    for nothing in ({}, {"allowed_origins": ""}, {"allowed_origins": "/ *"}):
        assert not is_allowed(origin, chat_account(settings=nothing))
