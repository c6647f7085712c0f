"""`switchboard conversations`: read, find, answer, merge and split them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from local.commands import console, desk

if TYPE_CHECKING:
    from local.conversations import Conversations

app = typer.Typer(help="Read, find, answer, merge and split conversations.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the conversation.")]
TextArgument = Annotated[str, typer.Argument(help="What to write.")]
MessagesArgument = Annotated[list[str], typer.Argument(help="Ids of messages, as `show` has them.")]
FilterOption = Annotated[
    str, typer.Option("--filter", help="Such as 'status = OPEN AND channel = SMS'.")
]
MostOption = Annotated[int, typer.Option("--most", min=1, max=500, help="How many at most.")]
T = TypeVar("T")


@app.command("list")
def listed(
    condition: FilterOption = "",
    most: MostOption = 50,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """List conversations, the latest changed first."""
    from local import conversations
    from local.intake import described

    found = _call(home, tenant, lambda opened: opened.listed(condition, most))
    if output is console.Output.JSON:
        console.print_json([described(each) for each in found])
        return
    for each in found:
        console.out.print(conversations.line_of(each), markup=False, soft_wrap=True)
    if not found:
        console.out.print("No conversations.")


@app.command("search")
def search(
    text: Annotated[str, typer.Argument(help='Words; "in a row", or, -not.')],
    condition: FilterOption = "",
    most: MostOption = 50,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Find messages by their words, the latest first."""
    from local import conversations
    from local.intake import described

    found = _call(home, tenant, lambda opened: opened.searched(text, condition, most))
    if output is console.Output.JSON:
        console.print_json([described(each) for each in found])
        return
    for hit in found:
        line = conversations.line_of(hit.conversation)
        console.out.print(f"{line}\n    {hit.snippet}", markup=False, soft_wrap=True)
    if not found:
        console.out.print("Nothing found.")


@app.command("show")
def show(
    conversation_id: IdArgument,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Show a conversation: whose it is, what they last answered, what else is open, its story."""
    from local import beside, conversations
    from local.intake import described

    found, entries = _call(home, tenant, lambda opened: opened.found(conversation_id))
    if output is console.Output.JSON:
        timeline = [described(each) for each in entries]
        console.print_json(beside.document_of(found) | {"timeline": timeline})
        return
    console.out.print(conversations.line_of(found.conversation), markup=False, soft_wrap=True)
    for line in (*beside.lines_of(found), *conversations.story_of(entries)):
        console.out.print(f"    {line}", markup=False, soft_wrap=True)


@app.command("explain")
def explain(
    message_id: Annotated[str, typer.Argument(help="Id of a message.")],
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Say why a message is in its conversation."""
    from local.intake import described

    why = _call(home, tenant, lambda opened: opened.explained(message_id))
    if output is console.Output.JSON:
        console.print_json(described(why))
        return
    sure = f"{why.threaded_by or 'ours'} ({why.confidence:.0%})"
    console.out.print(f"{why.conversation_id}  by {sure}", markup=False)
    for step in why.steps:
        found = step.conversation_id or "none"
        console.out.print(f"    {step.rule:10}  {found}  {step.detail}", markup=False)


@app.command("start")
def start(
    account_id: Annotated[str, typer.Argument(help="Account to write from.")],
    address: Annotated[str, typer.Argument(help="Whom to write to.")],
    text: TextArgument,
    subject: Annotated[str, typer.Option(help="Where the channel has one.")] = "",
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Write to a customer first."""
    begun = _do(
        home,
        tenant,
        "StartConversation",
        account_id=account_id,
        address=address,
        text=text,
        subject=subject,
    )
    console.out.print(f"{begun.conversation.ref.conversation_id} has begun.")


@app.command("reply")
def reply(
    conversation_id: IdArgument,
    text: TextArgument,
    status: Annotated[str, typer.Option(help="Status to set with it.")] = "",
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Answer the customer."""
    from local import conversations

    chosen = conversations.status_of(status) if status else 0
    said = _do(home, tenant, "Reply", conversation_id=conversation_id, text=text, status=chosen)
    console.out.print(f"{said.message_id} is on its way.")


@app.command("note")
def note(
    conversation_id: IdArgument,
    text: TextArgument,
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Note something for colleagues."""
    _do(home, tenant, "AddNote", conversation_id=conversation_id, text=text)
    console.out.print("Noted.")


@app.command("status")
def status(
    conversation_id: IdArgument,
    status: Annotated[str, typer.Argument(help="open, pending, resolved, closed")],
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Move a conversation."""
    from local import conversations

    chosen = conversations.status_of(status)
    _do(home, tenant, "SetStatus", conversation_id=conversation_id, status=chosen)
    console.out.print(f"{conversation_id} is {status.lower()}.")


@app.command("tag")
def tag(
    conversation_id: IdArgument,
    add: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Repeatable.")] = None,
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Add and remove tags."""
    said = _do(
        home,
        tenant,
        "TagConversation",
        conversation_id=conversation_id,
        add=add or [],
        remove=remove or [],
    )
    console.out.print(f"Tags: {', '.join(said.conversation.ref.tags) or 'none'}.", markup=False)


@app.command("merge")
def merge(
    conversation_id: IdArgument,
    source_id: Annotated[str, typer.Argument(help="The conversation that ends in it.")],
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """End one conversation of a customer in another."""
    _do(
        home,
        tenant,
        "MergeConversations",
        conversation_id=conversation_id,
        source_conversation_id=source_id,
    )
    console.out.print(f"{source_id} ended in {conversation_id}.")


@app.command("unmerge")
def unmerge(
    conversation_id: IdArgument,
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Take a conversation out of the one that it was merged into."""
    _do(home, tenant, "UnmergeConversation", conversation_id=conversation_id)
    console.out.print(f"{conversation_id} is back.")


@app.command("split")
def split(
    conversation_id: IdArgument,
    message_ids: MessagesArgument,
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Move messages into a new conversation."""
    said = _do(
        home,
        tenant,
        "SplitConversation",
        conversation_id=conversation_id,
        message_ids=message_ids,
    )
    console.out.print(f"{said.conversation.ref.conversation_id} has begun with them.")


def _do(home: Path | None, tenant: str, rpc: str, **fields: Any) -> Any:
    return _call(home, tenant, lambda opened: opened.do(rpc, **fields))


def _call(home: Path | None, tenant: str, work: Callable[[Conversations], Awaitable[T]]) -> T:
    from local.conversations import Conversations

    return desk.call(home, tenant, lambda opened: work(Conversations(opened)))
