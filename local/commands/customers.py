"""`switchboard customers`: find, show, link, import and erase them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from local.commands import console, desk

if TYPE_CHECKING:
    from local.customers import Customers

app = typer.Typer(help="Find, show, link, import and erase customers.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the customer, also one from before a link.")]
AddressArgument = Annotated[str, typer.Argument(help="Such as sms:+46701740605.")]
T = TypeVar("T")


@app.command("search")
def search(
    text: Annotated[str, typer.Argument(help="Part of a name or an address.")],
    most: Annotated[int, typer.Option("--most", min=1, max=500)] = 50,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Find customers by parts of names and addresses."""
    from local import customers
    from local.intake import described

    found = _call(home, tenant, lambda opened: opened.searched(text, most))
    if output is console.Output.JSON:
        console.print_json([described(each) for each in found])
        return
    for each in found:
        console.out.print(customers.line_of(each), markup=False, soft_wrap=True)
    if not found:
        console.out.print("Nobody found.")


@app.command("show")
def show(
    customer_id: IdArgument,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Show a customer, what they last answered, and how their addresses came and left."""
    from local import beside, customers
    from local.intake import described

    found, links = _call(home, tenant, lambda opened: opened.found(customer_id))
    document = described(found) | {"links": [described(each) for each in links]}
    if output is console.Output.JSON:
        console.print_json(document)
        return
    console.out.print(customers.line_of(found), markup=False, soft_wrap=True)
    if found.HasField("last_feedback"):
        said = beside.answer_of(found.last_feedback)
        console.out.print(f"    answered  {said}", markup=False, soft_wrap=True)
    for link in links:
        what = "came from" if link.linked else "left as"
        said = f"    {link.identity.address}  {what} {link.other_customer_id}"
        console.out.print(f"{said}  by {link.rule}, {link.actor}", markup=False, soft_wrap=True)


@app.command("link")
def link(
    customer_id: IdArgument,
    address: AddressArgument,
    verified: Annotated[bool, typer.Option("--verified", help="They have proven it.")] = False,  # noqa: FBT002 - typer calls it by keyword
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Give an address to a customer; whoever has it becomes the same customer."""
    from local import customers

    identity = customers.identity_of(address)
    identity.verified = verified
    _do(home, tenant, "LinkIdentity", customer_id=customer_id, identity=identity)
    console.out.print(f"{address} is on its way to {customer_id}.", markup=False)


@app.command("unlink")
def unlink(
    customer_id: IdArgument,
    address: AddressArgument,
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Take an address from a customer; it becomes a customer of its own."""
    from local import customers

    identity = customers.identity_of(address)
    said = _do(home, tenant, "UnlinkIdentity", customer_id=customer_id, identity=identity)
    console.out.print(f"{address} is {said.new_customer_id} from now on.", markup=False)


@app.command("consent")
def consent(
    customer_id: IdArgument,
    purpose: Annotated[str, typer.Argument(help="contact, survey, notice, auto_reply, ...")],
    granted: Annotated[str, typer.Argument(help="yes or no")],
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Record what a customer allows."""
    from switchboard.intake.v1.model_pb2 import Consent

    if granted not in {"yes", "no"}:
        raise typer.BadParameter("say yes or no")
    said = Consent(purpose=purpose, granted=granted == "yes", source="operator")
    _do(home, tenant, "SetConsent", customer_id=customer_id, consent=said)
    console.out.print(f"{purpose}: {granted}.", markup=False)


@app.command("import")
def imported(
    path: Annotated[Path, typer.Argument(help="CSV with the columns channel and address.")],
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Write the customers of a CSV file; says which lines were refused, and why."""
    from rich.progress import Progress

    from local import customer_file

    lines = list(customer_file.lines(path))
    with Progress(console=console.err, transient=True) as progress:
        task = progress.add_task("Importing", total=len(lines))
        written, refused = _call(
            home,
            tenant,
            lambda opened: opened.imported(lines, lambda done: progress.advance(task, done)),
        )
    if output is console.Output.JSON:
        told = [{"line": number, "reason": reason} for number, reason in refused]
        console.print_json({"written": written, "refused": told})
    else:
        console.out.print(f"{written} written, {len(refused)} refused.")
        for number, reason in refused:
            console.out.print(f"    line {number}: {reason}", markup=False)
    if refused:
        sys.exit(1)


@app.command("erase")
def erase(
    customer_id: IdArgument,
    reason: Annotated[str, typer.Option(help="Why; kept with the tombstone.")] = "customer_request",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 - typer calls it by keyword
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Delete all that is personal. It cannot be taken back."""
    if not yes:
        typer.confirm(f"Erase {customer_id} for good?", abort=True)
    _do(home, tenant, "EraseCustomer", customer_id=customer_id, reason=reason)
    console.out.print(f"{customer_id} is erased; topics forget within seven days.")


def _do(home: Path | None, tenant: str, rpc: str, **fields: Any) -> Any:
    return _call(home, tenant, lambda opened: opened.do(rpc, **fields))


def _call(home: Path | None, tenant: str, work: Callable[[Customers], Awaitable[T]]) -> T:
    from local.customers import Customers

    return desk.call(home, tenant, lambda opened: work(Customers(opened)))
