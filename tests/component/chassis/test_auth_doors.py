"""Every kind of RPC, through both doors, refuses every bad token and every missing role."""

from __future__ import annotations

import time

import pytest

from services.chassis.rpc.methods import describe
from tests.component.chassis.conftest import House
from tests.support import echo
from tests.support.tokens import bad_tokens
from tests.support.waiting import until

METHODS = {name: describe(method) for name, method in echo.METHODS.items()}
KINDS = ("Say", "Collect", "Watch", "Talk")
DOORS = ("grpc", "connect")
ASK = echo.Ask(word="hello", count=1)


RESET = "Internal error from Core"  # what grpc.aio calls a reset stream


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_good_token_is_let_in_with_its_own_tenant(
    house: House, door: str, kind: str
) -> None:
    reply = await house.door(door).call(METHODS[kind], ASK, token=house.issuer.token())
    assert (reply.code, [m.tenant for m in reply.messages]) == ("OK", ["acme"])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", KINDS)
async def test_bad_tokens_are_refused(house: House, door: str, kind: str) -> None:
    bad = bad_tokens(house.issuer)
    assert len(bad) >= 20
    replies = {
        name: await house.door(door).call(METHODS[kind], ASK, token=token)
        for name, token in bad.items()
    }
    # A stream that is refused while its client still writes may reach the client as a bare reset.
    told = {name: reply for name, reply in replies.items() if reply.text != RESET}
    let_in = {name: reply for name, reply in told.items() if reply.code != "UNAUTHENTICATED"}
    assert let_in == {}
    assert house.echo.heard == []
    assert len(told) >= 20 or kind == "Talk"
    reasons = {reply.details["ErrorInfo"].reason for reply in told.values()}
    assert reasons == {"UNAUTHENTICATED", "TOKEN_MISSING"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_without_the_role_is_denied(house: House, door: str, kind: str) -> None:
    token = house.issuer.token(roles=["supervisor", "public"])
    reply = await house.door(door).call(METHODS[kind], ASK, token=token)
    assert reply.code == "PERMISSION_DENIED"
    assert house.echo.heard == []


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", ["Forgotten", "ForgottenWatch"])
async def test_an_rpc_without_roles_is_denied_to_everyone(
    house: House, door: str, kind: str
) -> None:
    token = house.issuer.token(roles=["agent", "supervisor", "admin", "service", "public"])
    reply = await house.door(door).call(METHODS[kind], ASK, token=token)
    assert reply.code == "PERMISSION_DENIED"


@pytest.mark.parametrize("door", DOORS)
async def test_a_public_rpc_needs_no_token(house: House, door: str) -> None:
    reply = await house.door(door).call(METHODS["Open"], ASK)
    assert (reply.code, reply.messages[0].tenant) == ("OK", "")


@pytest.mark.parametrize("kind", ["Watch", "Talk"])
async def test_a_stream_ends_when_its_token_does(house: House, kind: str) -> None:
    # Claims are whole seconds and the verifier allows for 5 s of skew: this token has 1 s left.
    token = house.issuer.token(exp=int(time.time()) + 2)
    ask = echo.Ask(word="wait", count=0)
    reply = await house.grpc.call(METHODS[kind], ask, token=token, seconds=20)
    assert (reply.code, reply.details["ErrorInfo"].reason) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
    await until(house.echo.ended.is_set, what="the servicer's generator is closed")
