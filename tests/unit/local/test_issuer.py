"""Tokens of the local issuer: one algorithm, a key that others can check, an end."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import jwt
import pytest

from local.home import Home
from local.issuer import AUDIENCE, ISSUER, Issuer


def test_a_token_is_checked_with_the_published_key(tmp_path: Path) -> None:
    home = Home(tmp_path)
    token = Issuer(home).sign(subject="agent-1", roles=["agent"], tenant="acme", ttl_s=60)
    keys = jwt.PyJWKSet.from_dict(json.loads(home.jwks.read_text()))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER)
    assert (claims["sub"], claims["roles"], claims["tenant"]) == ("agent-1", ["agent"], "acme")
    assert claims["exp"] - claims["iat"] == 60


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert Issuer(home).jwks() == Issuer(home).jwks()
    assert stat.S_IMODE(home.signing_key.stat().st_mode) == 0o600
    assert "d" not in json.loads(home.jwks.read_text())["keys"][0]


def test_another_folder_s_key_does_not_fit(tmp_path: Path) -> None:
    token = Issuer(Home(tmp_path / "one")).sign(subject="x", roles=["admin"])
    other = jwt.PyJWK(Issuer(Home(tmp_path / "two")).jwks()["keys"][0])
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, other, algorithms=["ES256"], audience=AUDIENCE)
