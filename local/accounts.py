"""Accounts of a running stack: where messages come in and go out, read and written over gRPC."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc
from google.protobuf.json_format import MessageToDict
from switchboard.intake.v1 import account_service_pb2 as pb
from switchboard.intake.v1 import model_pb2 as model
from switchboard.intake.v1.account_service_pb2_grpc import AccountServiceStub

from local.errors import StackError
from local.home import Home
from local.issuer import Issuer
from local.state import StackState
from services.chassis.rpc import client
from services.intake.shell.channels.discovery import discover

TIMEOUT_S = 10.0
OPERATOR = "operator"


class Accounts:
    """The accounts of one tenant, as an administrator sees them."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        """Call over `channel`."""
        self._stub = AccountServiceStub(channel)
        self._metadata = client.metadata(token)

    async def listed(self) -> list[model.Account]:
        """Give all, by id."""
        found: list[model.Account] = []
        ask = pb.ListAccountsRequest(page_size=500)
        while True:
            page = await self._stub.ListAccounts(ask, metadata=self._metadata, timeout=TIMEOUT_S)
            found += page.accounts
            if not page.next_page_token:
                return found
            ask.page_token = page.next_page_token

    async def found(self, account_id: str) -> tuple[model.Account, Sequence[model.SecretVersion]]:
        """Give one, with the versions of its secrets, never the secrets."""
        ask = pb.GetAccountRequest(account_id=account_id)
        got = await self._stub.GetAccount(ask, metadata=self._metadata, timeout=TIMEOUT_S)
        secrets = await self._stub.ListSecrets(
            pb.ListSecretsRequest(account_id=account_id),
            metadata=self._metadata,
            timeout=TIMEOUT_S,
        )
        return got.account, secrets.secrets

    async def put(self, account: model.Account) -> model.Account:
        """Create it, or replace it whole."""
        ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
        put = await self._stub.UpsertAccount(ask, metadata=self._metadata, timeout=TIMEOUT_S)
        return put.account

    async def rotate(self, account_id: str, name: str, value: str) -> model.SecretVersion:
        """Add a version of a secret; those before it verify until they are retired."""
        ask = pb.RotateSecretRequest(
            request_id=str(uuid4()), account_id=account_id, name=name, value=value
        )
        put = await self._stub.RotateSecret(ask, metadata=self._metadata, timeout=TIMEOUT_S)
        return put.secret

    async def retire(self, account_id: str, name: str, version: int) -> model.SecretVersion:
        """Let an old version of a secret verify no longer."""
        ask = pb.RetireSecretRequest(
            request_id=str(uuid4()), account_id=account_id, name=name, version=version
        )
        put = await self._stub.RetireSecret(ask, metadata=self._metadata, timeout=TIMEOUT_S)
        return put.secret


@asynccontextmanager
async def opened(home: Home, state: StackState, *, tenant: str) -> AsyncIterator[Accounts]:
    """The accounts of a tenant. What intake refuses becomes a `StackError` with its words."""
    token = Issuer(home).sign(subject=OPERATOR, roles=["admin"], tenant=tenant, ttl_s=300)
    async with client.channel("ipv4:" + ",".join(state.grpc("intake"))) as channel:
        try:
            yield Accounts(channel, token)
        except grpc.aio.AioRpcError as error:
            raise StackError(f"{error.details()} ({error.code().name}).") from error


def channel_of(name: str) -> model.Channel.ValueType:
    """The channel of a name such as `sms`. Raises `StackError`."""
    numbers = model.Channel.items()
    known = {each.removeprefix("CHANNEL_").lower(): number for each, number in numbers if number}
    if name.lower() not in known:
        raise StackError(f"No such channel: {name}; there are {', '.join(sorted(known))}.")
    return known[name.lower()]


def uncertain_policy_of(name: str) -> model.UncertainPolicy.ValueType:
    """What an uncertain delivery counts as: `hold`, `fail`, `assume-sent`. Raises `StackError`."""
    prefix, numbers = "UNCERTAIN_POLICY_", model.UncertainPolicy.items()
    known = {
        each.removeprefix(prefix).lower().replace("_", "-"): number
        for each, number in numbers
        if number
    }
    if name not in known:
        raise StackError(f"--if-unseen takes {', '.join(known)}, not {name}.")
    return known[name]


def webhooks(account: model.Account, base_url: str) -> list[str]:
    """The addresses to enter at the provider: method and URL."""
    channels = [each for each in discover() if each.provider == account.provider]
    paths = [("POST", hook.path) for channel in channels for hook in channel.hooks]
    paths += [("GET", each.path) for channel in channels for each in channel.handshakes]
    return [f"{how} {base_url}{path.format(account_id=account.account_id)}" for how, path in paths]


def described(account: model.Account) -> dict[str, object]:
    """An account as JSON, every field by its name."""
    return MessageToDict(
        account, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def pairs(given: Sequence[str]) -> dict[str, str]:
    """`name=value` settings. Raises `StackError`."""
    for each in given:
        if not re.fullmatch(r"[^=]+=.*", each, re.DOTALL):
            raise StackError(f"--set takes name=value, not {each.partition('=')[0]!r}.")
    return dict(each.split("=", 1) for each in given)
