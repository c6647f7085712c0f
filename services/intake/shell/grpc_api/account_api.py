"""AccountService: the endpoints of channels and their secrets. Config rows, written here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from switchboard.intake.v1 import account_service_pb2 as pb
from switchboard.intake.v1 import model_pb2
from switchboard.intake.v1.account_service_pb2_grpc import AccountServiceServicer

from services.chassis.clock import Clock
from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Violation,
)
from services.chassis.rpc.paging import page_size, position_of, token_after
from services.intake.core.account import (
    OUTSIDE_WINDOW_ACCOUNT,
    Account,
    IfUnseen,
    misstated,
)
from services.intake.core.model import Channel
from services.intake.shell.account_store import AccountStore, AccountWriter, SecretVersion
from services.intake.shell.accounts import AccountBook
from services.intake.shell.addresses import TELEPHONE, BadAddress, normalise
from services.intake.shell.parked_items import ParkedItems
from services.intake.shell.wire import leftovers, names, nouns

R = TypeVar("R", bound=Message)


class AccountApi(AccountServiceServicer):
    """The servicer. What is `planned` answers UNIMPLEMENTED; the README lists it."""

    def __init__(
        self,
        *,
        store: AccountStore,
        book: AccountBook,
        parked: ParkedItems,
        clock: Clock,
        providers: Mapping[str, frozenset[Channel]],
        reaching: frozenset[str],
    ) -> None:
        """`providers`: which there are, and the media that each one's accounts may be of.

        `reaching`: those whose accounts may stand in for others'.
        """
        self._store = store
        self._book = book
        self._parked = parked
        self._clock = clock
        self._providers = providers
        self._reaching = reaching

    async def GetAccount(self, request: pb.GetAccountRequest, _: Any) -> pb.GetAccountResponse:
        """One account, without its secrets."""
        found = await self._find(request.account_id)
        return pb.GetAccountResponse(account=nouns.account(found))

    async def ListAccounts(
        self, request: pb.ListAccountsRequest, _: Any
    ) -> pb.ListAccountsResponse:
        """A page of accounts by id."""
        size, position = page_size(request), position_of(request)
        found = await self._store.page(
            caller().tenant_id,
            channel=names.CHANNELS.of_wire(request.channel),
            after=position[0] if position else "",
            limit=size + 1,
        )
        page = pb.ListAccountsResponse(accounts=[nouns.account(item) for item in found[:size]])
        if len(found) > size:
            page.next_page_token = token_after(request, [found[size - 1].account_id])
        return page

    async def UpsertAccount(
        self, request: pb.UpsertAccountRequest, _: Any
    ) -> pb.UpsertAccountResponse:
        """Create or replace."""
        stated = _stated(request.account, caller().tenant_id, self._clock.now_ms())
        self._check(stated)
        await self._check_detour(stated)

        async def write(writer: AccountWriter) -> pb.UpsertAccountResponse:
            written = await writer.upsert(stated)
            if written is None:
                raise AlreadyExists("the id belongs to another account", reason="ACCOUNT_ID_TAKEN")
            return pb.UpsertAccountResponse(account=nouns.account(written))

        response = await self._once(request.request_id, write, pb.UpsertAccountResponse)
        self._book.forget(stated.account_id)
        return response

    async def RotateSecret(
        self, request: pb.RotateSecretRequest, _: Any
    ) -> pb.RotateSecretResponse:
        """Add a version; the ones before verify until they are retired."""
        account = await self._find(request.account_id)

        async def write(writer: AccountWriter) -> pb.RotateSecretResponse:
            added = await writer.add_secret(
                account.account_id, request.name, request.value, now_ms=self._clock.now_ms()
            )
            return pb.RotateSecretResponse(secret=_secret(added))

        response = await self._once(request.request_id, write, pb.RotateSecretResponse)
        self._book.forget(account.account_id)
        return response

    async def RetireSecret(
        self, request: pb.RetireSecretRequest, _: Any
    ) -> pb.RetireSecretResponse:
        """Make an old version stop verifying."""
        account = await self._find(request.account_id)

        async def write(writer: AccountWriter) -> pb.RetireSecretResponse:
            retired = await writer.retire_secret(
                account.account_id, request.name, request.version, now_ms=self._clock.now_ms()
            )
            if retired is None:
                raise FailedPrecondition("no such old version", reason="SECRET_NOT_RETIRABLE")
            return pb.RetireSecretResponse(secret=_secret(retired))

        response = await self._once(request.request_id, write, pb.RetireSecretResponse)
        self._book.forget(account.account_id)
        return response

    async def ListSecrets(self, request: pb.ListSecretsRequest, _: Any) -> pb.ListSecretsResponse:
        """The versions of an account's secrets, never the secrets."""
        account = await self._find(request.account_id)
        found = await self._store.secret_versions(account.account_id)
        return pb.ListSecretsResponse(secrets=[_secret(version) for version in found])

    async def ListParkedItems(
        self, request: pb.ListParkedItemsRequest, _: Any
    ) -> pb.ListParkedItemsResponse:
        """A page of what could not be read, the latest first."""
        account = await self._find(request.account_id)
        size, position = page_size(request), position_of(request)
        found = await self._parked.page(
            account.tenant_id,
            account.account_id,
            after=(position[0], position[1]) if position else None,
            limit=size + 1,
        )
        page = pb.ListParkedItemsResponse(items=map(leftovers.listed, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            page.next_page_token = token_after(request, [last.received_at_ms, last.item_id])
        return page

    async def DeleteAccount(
        self, request: pb.DeleteAccountRequest, _: Any
    ) -> pb.DeleteAccountResponse:
        """Delete with its secrets; what was said over it stays."""

        async def write(writer: AccountWriter) -> pb.DeleteAccountResponse:
            account = await self._find(request.account_id)
            if not await writer.delete(account.account_id):
                detail = "the account has open conversations; close them, or disable it"
                raise FailedPrecondition(detail, reason="ACCOUNT_IN_USE")
            return pb.DeleteAccountResponse()

        response = await self._once(request.request_id, write, pb.DeleteAccountResponse)
        self._book.forget(request.account_id)
        return response

    def _check(self, stated: Account) -> None:
        """Raise `InvalidArgument` for an account that no door would ever open for."""
        media = self._providers.get(stated.provider)
        if media is None:
            known = ", ".join(sorted(self._providers))
            raise _wrong("account.provider", f"there are {known}")
        if stated.channel not in media:
            raise _wrong("account.channel", f"{stated.provider} has {', '.join(sorted(media))}")
        if (wrong := misstated(stated.settings, stated.channel)) is not None:
            raise _wrong(f"account.settings[{wrong[0]}]", wrong[1])

    async def _check_detour(self, stated: Account) -> None:
        """Raise `InvalidArgument` where an account cannot stand in for this one."""
        named = stated.outside_window_account
        if not named:
            return
        other = await self._store.of_tenant(stated.tenant_id, named)
        if named == stated.account_id:
            why = "names another account than this one"
        elif other is None:
            why = "names no account of yours; create that one first"
        elif not other.enabled:
            why = f"names {named}, which is disabled; enable it first"
        elif other.provider not in self._reaching:
            why = f"names {named} of {other.provider}; one of {', '.join(sorted(self._reaching))}"
        else:
            return
        raise _wrong(f"account.settings[{OUTSIDE_WINDOW_ACCOUNT}]", why)

    async def _find(self, account_id: str) -> Account:
        found = await self._store.of_tenant(caller().tenant_id, account_id)
        if found is None:
            raise NotFound("no such account", reason="ACCOUNT_NOT_FOUND")
        return found

    async def _once(
        self,
        request_id: str,
        write: Callable[[AccountWriter], Awaitable[R]],
        response: type[R],
    ) -> R:
        """Write and keep the answer in one transaction; a repeat gets the answer that was kept."""
        tenant_id = caller().tenant_id
        known = await self._store.answered(tenant_id, request_id)
        if known is not None:
            return _again(known, response)
        async with self._store.writing() as writer:
            written = await write(writer)
            answer = response.DESCRIPTOR.full_name.encode() + b"\n" + written.SerializeToString()
            if not await writer.answer(tenant_id, request_id, answer, now_ms=self._clock.now_ms()):
                raise Aborted("the same request is being answered; repeat it")
        return written


def _again(answer: bytes, response: type[R]) -> R:
    """A kept answer, which is led by its type. Raises `AlreadyExists` for another call's."""
    kind, _, encoded = answer.partition(b"\n")
    if kind.decode() != response.DESCRIPTOR.full_name:
        raise AlreadyExists("this request_id was used for another call", reason="REQUEST_ID_REUSED")
    again = response()
    try:
        again.ParseFromString(encoded)
    except DecodeError as error:
        raise AssertionError("a kept answer is what was written") from error
    return again


def _stated(said: model_pb2.Account, tenant_id: str, now_ms: int) -> Account:
    """The account as the caller states it. Raises `InvalidArgument`."""
    channel = names.CHANNELS.required(said.channel)
    try:
        address = normalise(channel, said.address) if channel in TELEPHONE else said.address
    except BadAddress as error:
        raise _wrong("account.address", str(error)) from None
    return Account(
        account_id=said.account_id,
        tenant_id=tenant_id,
        channel=channel,
        provider=said.provider,
        address=address,
        display_name=said.display_name,
        enabled=said.enabled,
        language=said.language,
        pool_hint=said.pool_hint,
        tags=tuple(said.tags),
        if_unseen=names.IF_UNSEEN.of_wire(said.uncertain_policy) or IfUnseen.HOLD,
        settings=dict(said.settings),
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        version=0,
    )


def _wrong(field: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"{field}: {why}", violations=[Violation(field, why)])


def _secret(version: SecretVersion) -> model_pb2.SecretVersion:
    return model_pb2.SecretVersion(
        name=version.name,
        version=version.version,
        current=version.current,
        created_at_ms=version.created_at_ms,
        retired_at_ms=version.retired_at_ms,
    )
