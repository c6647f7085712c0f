"""Survey links: nobody can make one up, change one, or use one for another survey or tenant."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback.core import link
from services.feedback.core.decide import token_of
from tests.unit.feedback.story import LINKS, Desk, resolved

KEY, OLD_KEY = b"k" * 32, b"o" * 32
SURVEY = "0b7a6a54-59a0-5d0e-8a5d-5d3e3a6f9c12"
EXPIRES = 2_000_000_000_000
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def token(key: bytes = KEY, tenant: str = "default") -> str:
    return link.sign(key=key, tenant_id=tenant, survey_id=SURVEY, expires_at_ms=EXPIRES)


def genuine(text: str, *, tenant: str = "default", now_ms: int = 1) -> bool:
    claim = link.read(text)
    return claim is not None and link.is_genuine(
        claim, keys=[KEY, OLD_KEY], tenant_id=tenant, now_ms=now_ms
    )


def test_a_genuine_link_names_its_survey() -> None:
    claim = link.read(token())
    assert claim is not None
    assert (claim.survey_id, claim.expires_at_ms) == (SURVEY, EXPIRES)
    assert genuine(token())


def test_a_link_carries_at_least_128_secret_bits() -> None:
    claim = link.read(token())
    assert claim is not None
    assert len(claim.mac) * 8 >= 128


def test_a_link_of_the_key_before_still_works_and_one_of_a_foreign_key_does_not() -> None:
    assert genuine(token(OLD_KEY))
    assert not genuine(token(b"x" * 32))


def test_a_link_is_good_for_its_tenant_and_until_its_end_only() -> None:
    assert not genuine(token(), tenant="other")
    assert genuine(token(), now_ms=EXPIRES - 1)
    assert not genuine(token(), now_ms=EXPIRES)


@given(st.integers(0, len(token()) - 1), st.sampled_from(ALPHABET))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    changed = token()[:place] + character + token()[place + 1 :]
    assert genuine(changed) == (changed == token())


@given(st.integers(0, 42 * 8 - 1))
def test_no_bit_can_be_changed(bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(token()))
    raw[bit // 8] ^= 1 << bit % 8
    assert not genuine(base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("junk", ["", "x", "é" * 56, token() + "=", token()[:-4], " " + token()])
def test_what_is_not_shaped_like_a_token_is_none(junk: str) -> None:
    assert link.read(junk) is None


@given(st.text(max_size=100))
def test_reading_never_fails(text: str) -> None:
    assert not genuine(text)


def test_only_a_fingerprint_is_stored() -> None:
    assert token() not in link.fingerprint(token())
    assert len(link.fingerprint(token())) == 64


def test_a_survey_keeps_the_fingerprint_of_the_link_it_sends() -> None:
    desk = Desk()
    desk.tell(resolved())
    desk.pass_time(2_000)
    sent = token_of(desk.survey(), LINKS)
    assert link.fingerprint(sent) == desk.survey().link_sha256
    assert LINKS.url(sent) == f"https://feedback.example/s/{sent}"
    assert "k" * 32 not in repr(LINKS)
