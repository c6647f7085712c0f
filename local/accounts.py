"""Accounts of a running stack: where messages come in and go out, read and written over gRPC."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from switchboard.intake.v1 import account_service_pb2 as pb
from switchboard.intake.v1 import model_pb2 as model
from switchboard.intake.v1.account_service_pb2_grpc import AccountServiceStub

from local import intake
from local.conversations import utc
from local.endpoints import Endpoint
from local.errors import StackError
from local.home import Home
from local.intake import TENANT, Desk
from local.state import StackState
from services.intake.core.account import EXAMPLE_PAGE, YES
from services.intake.shell.channels import web_chat
from services.intake.shell.channels.discovery import discover
from services.intake.shell.chat import pages as chat_pages


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
        secrets = await self._desk.call(
            self._stub.ListSecrets, pb.ListSecretsRequest(account_id=account_id)
        )
        return got.account, secrets.secrets

    async def provide(self, endpoints: Iterable[Endpoint]) -> None:
        """Write those that are missing, and the secrets that are; what is there stays as it is."""
        known = {each.account_id for each in await self.listed()}
        stated = [self._provide(each, is_known=each.account_id in known) for each in endpoints]
        await asyncio.gather(*stated)

    async def _provide(self, endpoint: Endpoint, *, is_known: bool) -> None:
        if not is_known:
            await self.put(_stated(endpoint))
        _, versions = await self.found(endpoint.account_id)
        held = {each.name for each in versions}
        for name, value in endpoint.secrets.items():
            if name not in held:
                await self.rotate(endpoint.account_id, name, value)

    async def parked(self, account_id: str, limit: int) -> list[model.ParkedItem]:
        """Give the latest that came over it and could not be read, `limit` of them."""
        ask = pb.ListParkedItemsRequest(account_id=account_id, page_size=min(limit, 500))
        found: list[model.ParkedItem] = []
        while True:
            page = await self._desk.call(self._stub.ListParkedItems, ask)
            found += page.items
            if not page.next_page_token or len(found) >= limit:
                return found[:limit]
            ask.page_token = page.next_page_token

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


def _stated(endpoint: Endpoint) -> model.Account:
    return model.Account(
        account_id=endpoint.account_id,
        channel=channel_of(endpoint.channel),
        provider=endpoint.provider,
        address=endpoint.address,
        display_name=endpoint.name,
        settings=endpoint.settings,
        enabled=True,
        language="en",
    )


@asynccontextmanager
async def opened(home: Home, state: StackState, *, patience_s: float) -> AsyncIterator[Accounts]:
    """The accounts of the stack's own tenant; waits for an intake that does not answer yet."""
    async with intake.opened(home, state, tenant=TENANT, patience_s=patience_s) as desk:
        yield Accounts(desk)


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


def pages(account: model.Account, base_url: str) -> list[str]:
    """What a page of the account's site contains, and where to try it; web chat has these."""
    if account.provider != web_chat.PROVIDER:
        return []
    shown = [chat_pages.embedding(account.account_id, base_url)]
    if account.settings.get(EXAMPLE_PAGE) == YES:
        shown.append(f"{base_url}/chat/{account.account_id}/example")
    return shown


def parked_item(item: model.ParkedItem) -> dict[str, str]:
    """An item for people: its time in UTC, and its payload as text."""
    return {
        "item_id": item.item_id,
        "received": utc(item.received_at_ms),
        "kind": item.kind,
        "payload": item.payload.decode("utf-8", "replace"),
    }


def pairs(given: Sequence[str]) -> dict[str, str]:
    """`name=value` settings. Raises `StackError`."""
    for each in given:
        if not re.fullmatch(r"[^=]+=.*", each, re.DOTALL):
            raise StackError(f"--set takes name=value, not {each.partition('=')[0]!r}.")
    return dict(each.split("=", 1) for each in given)
