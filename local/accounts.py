"""Accounts of a running stack: where messages come in and go out, read and written over gRPC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import uuid4

from switchboard.intake.v1 import account_service_pb2 as pb
from switchboard.intake.v1 import model_pb2 as model
from switchboard.intake.v1.account_service_pb2_grpc import AccountServiceStub

from local.errors import StackError
from local.intake import Desk
from services.intake.shell.channels.discovery import discover


class Accounts:
    """The accounts of one tenant, as an administrator sees them."""

    def __init__(self, desk: Desk) -> None:
        """Call over `desk`."""
        self._desk = desk
        self._stub = desk.service(AccountServiceStub)

    async def listed(self) -> list[model.Account]:
        """Give all, by id."""
        found: list[model.Account] = []
        ask = pb.ListAccountsRequest(page_size=500)
        while True:
            page = await self._desk.call(self._stub.ListAccounts, ask)
            found += page.accounts
            if not page.next_page_token:
                return found
            ask.page_token = page.next_page_token

    async def found(self, account_id: str) -> tuple[model.Account, Sequence[model.SecretVersion]]:
        """Give one, with the versions of its secrets, never the secrets."""
        ask = pb.GetAccountRequest(account_id=account_id)
        got = await self._desk.call(self._stub.GetAccount, ask)
        asked = pb.ListSecretsRequest(account_id=account_id)
        secrets = await self._desk.call(self._stub.ListSecrets, asked)
        return got.account, secrets.secrets

    async def put(self, account: model.Account) -> model.Account:
        """Create it, or replace it whole."""
        ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
        put: pb.UpsertAccountResponse = await self._desk.call(self._stub.UpsertAccount, ask)
        return put.account

    async def rotate(self, account_id: str, name: str, value: str) -> model.SecretVersion:
        """Add a version of a secret; those before it verify until they are retired."""
        ask = pb.RotateSecretRequest(
            request_id=str(uuid4()), account_id=account_id, name=name, value=value
        )
        put: pb.RotateSecretResponse = await self._desk.call(self._stub.RotateSecret, ask)
        return put.secret

    async def retire(self, account_id: str, name: str, version: int) -> model.SecretVersion:
        """Let an old version of a secret verify no longer."""
        ask = pb.RetireSecretRequest(
            request_id=str(uuid4()), account_id=account_id, name=name, version=version
        )
        put: pb.RetireSecretResponse = await self._desk.call(self._stub.RetireSecret, ask)
        return put.secret


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


def pairs(given: Sequence[str]) -> dict[str, str]:
    """`name=value` settings. Raises `StackError`."""
    for each in given:
        if not re.fullmatch(r"[^=]+=.*", each, re.DOTALL):
            raise StackError(f"--set takes name=value, not {each.partition('=')[0]!r}.")
    return dict(each.split("=", 1) for each in given)
