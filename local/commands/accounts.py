"""`switchboard accounts`: where messages come in and go out, and the secrets that guard it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from local import state
from local.commands import console, desk
from local.errors import StackError

if TYPE_CHECKING:
    from local.accounts import Accounts

app = typer.Typer(help="List, show and write the accounts of channels.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the account; part of its webhooks' paths.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the secret, such as auth_token.")]
T = TypeVar("T")


@app.command("list")
def listed(
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """List the accounts by id."""
    from local.intake import described

    found = _call(home, tenant, lambda opened: opened.listed())
    if output is console.Output.JSON:
        console.print_json([described(each) for each in found])
        return
    for each in found:
        off = "" if each.enabled else "  (disabled)"
        line = f"{each.account_id}  {each.provider}  {each.address}{off}"
        console.out.print(line, markup=False)
    if not found:
        console.out.print("No accounts. `switchboard accounts put --help` says how to add one.")


@app.command("show")
def show(
    account_id: IdArgument,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Show an account, its webhooks, and the versions of its secrets, never the secrets."""
    from local import accounts
    from local.intake import described

    account, secrets = _call(home, tenant, lambda opened: opened.found(account_id))
    versions = [
        f"{each.name} {each.version}{' (current)' if each.current else ''}"
        for each in secrets
        if not each.retired_at_ms
    ]
    base_url = _base_url(home)
    document = described(account) | {
        "webhooks": accounts.webhooks(account, base_url),
        "pages": accounts.pages(account, base_url),
        "secrets": versions,
    }
    if output is console.Output.JSON:
        console.print_json(document)
        return
    for name, value in document.items():
        lines = value if isinstance(value, list) else [value]
        for line in lines or ["-"]:
            console.out.print(f"{name:>17}  {line}", markup=False)


@app.command("parked")
def parked(
    account_id: IdArgument,
    limit: Annotated[int, typer.Option(min=1, help="Most items to show.")] = 20,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Show what came over an account and could not be read: when, why, and as it came."""
    from local import accounts

    found = _call(home, tenant, lambda opened: opened.parked(account_id, limit))
    items = [accounts.parked_item(each) for each in found]
    if output is console.Output.JSON:
        console.print_json(items)
        return
    for each in items:
        line = f"{each['received']}  {each['kind']}  {each['payload']}"
        console.out.print(line, markup=False, soft_wrap=True)
    if not items:
        console.out.print("Nothing: all that came could be read.")


@app.command("put")
def put(
    account_id: IdArgument,
    channel: Annotated[str, typer.Option(help="sms, whatsapp, form, ...")],
    provider: Annotated[str, typer.Option(help="twilio, whatsapp, web, ...")],
    address: Annotated[str, typer.Option(help="Ours: the number, mailbox or page.")],
    name: Annotated[str, typer.Option(help="For people.")] = "",
    language: Annotated[str, typer.Option(help="BCP 47, of those who say none.")] = "",
    pool: Annotated[str, typer.Option(help="Pool that triage prefers.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Of its conversations; repeatable.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="name=value, as the channel needs; repeatable."),
    ] = None,
    if_unseen: Annotated[
        str, typer.Option(help="What a delivery counts as of which nobody knows the end.")
    ] = "hold",
    disabled: Annotated[bool, typer.Option("--disabled", help="Refuse what comes in.")] = False,  # noqa: FBT002 - typer calls it by keyword
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Create an account, or replace it whole; its secrets stay. Prints its webhooks, or its tag."""
    from switchboard.intake.v1.model_pb2 import Account

    from local import accounts

    stated = Account(
        account_id=account_id,
        channel=accounts.channel_of(channel),
        provider=provider,
        address=address,
        display_name=name,
        language=language,
        pool_hint=pool,
        tags=tag or (),
        settings=accounts.pairs(setting or ()),
        uncertain_policy=accounts.uncertain_policy_of(if_unseen),
        enabled=not disabled,
    )
    written = _call(home, tenant, lambda opened: opened.put(stated))
    console.out.print(f"{account_id} is written (version {written.version}).")
    base_url = _base_url(home)
    for line in (*accounts.webhooks(written, base_url), *accounts.pages(written, base_url)):
        console.out.print(f"    {line}", markup=False, soft_wrap=True)


@app.command("rotate")
def rotate(
    account_id: IdArgument,
    secret: NameArgument,
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Add a version of a secret, read from standard input; older ones verify until retired."""
    value = _asked(secret)
    added = _call(home, tenant, lambda opened: opened.rotate(account_id, secret, value))
    console.out.print(f"{secret} of {account_id} is at version {added.version}.")


@app.command("retire")
def retire(
    account_id: IdArgument,
    secret: NameArgument,
    version: Annotated[int, typer.Argument(help="An old version.")],
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Let an old version of a secret verify no longer."""
    _call(home, tenant, lambda opened: opened.retire(account_id, secret, version))
    console.out.print(f"Version {version} of {secret} of {account_id} is retired.")


def _call(home: Path | None, tenant: str, work: Callable[[Accounts], Awaitable[T]]) -> T:
    from local.accounts import Accounts

    return desk.call(home, tenant, lambda opened: work(Accounts(opened)))


def _base_url(home: Path | None) -> str:
    return state.require_running(console.home_of(home)).http("intake")[0]


def _asked(secret: str) -> str:
    """The secret: asked for without an echo, or what is piped in, without its last newline."""
    if sys.stdin.isatty():
        value = str(typer.prompt(secret, hide_input=True))
    else:
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise StackError(f"No {secret} came on standard input.")
    return value
