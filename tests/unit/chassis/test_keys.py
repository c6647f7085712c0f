"""Keys are fetched seldom, kept when the issuer is away, and rotate without a refusal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from services.chassis.rpc import keys
from services.chassis.rpc.auth import Authenticator
from services.chassis.rpc.errors import Unauthenticated
from services.chassis.rpc.keys import KeySet
from tests.support import tokens
from tests.support.tokens import AUDIENCE, ISSUER, Issuer

NOW_S = 0.0


class Clock:
    """What `time.monotonic` says in keys.py."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keys, "time", clock)
    return clock


def authenticator(source: str) -> Authenticator:
    return Authenticator(keys=KeySet(source), issuer=ISSUER, audience=AUDIENCE)


async def test_a_flood_of_unknown_keys_reads_the_set_once_in_ten_seconds(clock: Clock) -> None:
    issuer = Issuer()
    with tokens.key_server(tokens.jwks(issuer)) as server:
        auth = authenticator(server.url)
        assert (await auth.verify(issuer.token(), NOW_S)).tenant_id == "acme"
        for second in range(20):
            clock.seconds += 1
            flood = [issuer.token(header={"kid": f"{second}-{n}"}) for n in range(50)]
            answers = await asyncio.gather(
                *(auth.verify(token, NOW_S) for token in flood), return_exceptions=True
            )
            assert all(isinstance(answer, Unauthenticated) for answer in answers)
        assert server.reads == 3  # at the first token, after 10 s, after 20 s


async def test_a_new_key_works_while_the_old_one_still_does(clock: Clock) -> None:
    old, new = Issuer("old"), Issuer("new", "RS256")
    with tokens.key_server(tokens.jwks(old)) as server:
        auth = authenticator(server.url)
        await auth.verify(old.token(), NOW_S)
        server.document = tokens.jwks(old, new)
        clock.seconds += 11
        for issuer in (old, new, old, new):
            await auth.verify(issuer.token(), NOW_S)
        assert server.reads == 2


async def test_a_key_withdrawn_stops_working_within_five_minutes(clock: Clock) -> None:
    old, new = Issuer("old"), Issuer("new")
    token = old.token()
    with tokens.key_server(tokens.jwks(old, new)) as server:
        auth = authenticator(server.url)
        await auth.verify(token, NOW_S)
        server.document = tokens.jwks(new)
        clock.seconds += keys.REFRESH_SECONDS + 1
        with pytest.raises(Unauthenticated):
            await auth.verify(token, NOW_S)


async def test_the_last_good_set_is_kept_while_the_issuer_is_away(clock: Clock) -> None:
    issuer = Issuer()
    with tokens.key_server(tokens.jwks(issuer)) as server:
        auth = authenticator(server.url)
        await auth.verify(issuer.token(), NOW_S)
        for broken in (None, b"<html>", b'{"keys": 3}', b'{"keys": [{"kty": "EC"}]}'):
            server.document = broken
            clock.seconds += keys.REFRESH_SECONDS + 1
            await auth.verify(issuer.token(sub=str(clock.seconds)), NOW_S)


async def test_a_file_is_a_source_too(tmp_path: Path) -> None:
    issuer = Issuer()
    (tmp_path / "jwks.json").write_bytes(tokens.jwks(issuer))
    caller = await authenticator(str(tmp_path / "jwks.json")).verify(issuer.token(), NOW_S)
    assert (caller.subject, caller.roles) == ("agent-7", frozenset({"agent"}))


async def test_a_remembered_token_expires(clock: Clock, tmp_path: Path) -> None:
    issuer = Issuer()
    (tmp_path / "jwks.json").write_bytes(tokens.jwks(issuer))
    auth = authenticator(str(tmp_path / "jwks.json"))
    token = issuer.token()
    caller = await auth.verify(token, NOW_S)
    assert await auth.verify(token, caller.expires_s) is caller
    with pytest.raises(Unauthenticated):
        await auth.verify(token, caller.expires_s + 6)


def test_symmetric_weak_and_foreign_keys_are_left_out() -> None:
    good = Issuer("good").jwk()
    weak = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key()))
    document = {
        "keys": [
            good,
            {**weak, "kid": "weak", "use": "sig"},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"},
            {**Issuer("encrypts").jwk(), "use": "enc"},
            {**Issuer("other").jwk(), "alg": "ES384"},
        ]
    }
    assert set(keys.parse(json.dumps(document).encode())) == {"good"}


async def test_a_caller_that_goes_away_while_keys_are_read_costs_the_next_nothing() -> None:
    issuer = Issuer()
    with tokens.key_server(tokens.jwks(issuer)) as server:
        auth = authenticator(server.url)
        gone = asyncio.ensure_future(auth.verify(issuer.token(), NOW_S))
        for _ in range(3):
            await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait({gone})
        assert gone.cancelled()
        assert (await auth.verify(issuer.token(), NOW_S)).tenant_id == "acme"
