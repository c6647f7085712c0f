"""`switchboard work`: see what waits and why, give it, pass it on, move it up, end it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from local.commands import console, desk

if TYPE_CHECKING:
    from local.work import Work

app = typer.Typer(help="List, explain, assign and move the work of agents.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the work, as `list` has it.")]
ReasonOption = Annotated[str, typer.Option(help="Why; a note to whoever gets it.")]
SkillOption = Annotated[
    list[str] | None, typer.Option("--skill", help="Such as billing=3. Repeatable.")
]
T = TypeVar("T")


@app.command("list")
def listed(
    condition: Annotated[
        str, typer.Option("--filter", help="Such as 'pool = support AND state = QUEUED'.")
    ] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=500, help="How many at most.")] = 50,
    domain: Annotated[str, typer.Option(help="Domain.")] = "",
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """List open work, next first."""
    from local import work
    from local.intake import described

    found = _call(home, tenant, lambda opened: opened.listed(condition, domain, most))
    if output is console.Output.JSON:
        console.print_json([described(each) for each in found])
        return
    for each in found:
        console.out.print(work.line_of(each), markup=False, soft_wrap=True)
    if not found:
        console.out.print("No open work.")


@app.command("show")
def show(
    work_id: IdArgument,
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Show a piece of work with its offers, the latest first."""
    from local import work
    from local.intake import described

    found = _call(home, tenant, lambda opened: opened.found(work_id))
    if output is console.Output.JSON:
        console.print_json(described(found))
        return
    console.out.print(work.line_of(found.work), markup=False, soft_wrap=True)
    console.out.print(f"    conversation {found.work.conversation_id}", markup=False)
    for line in work.lines_of_offers(found.offers):
        console.out.print(f"    {line}", markup=False, soft_wrap=True)


@app.command("explain")
def explain(
    work_id: IdArgument,
    decision: Annotated[str, typer.Option(help="This decision instead of the latest.")] = "",
    home: console.HomeOption = None,
    output: console.OutputOption = console.Output.TEXT,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Say why it is with whom it is, and who could not have it why."""
    from local import work
    from local.intake import described

    why = _call(home, tenant, lambda opened: opened.explained(work_id, decision))
    if output is console.Output.JSON:
        console.print_json(described(why))
        return
    for line in work.lines_of_decision(why.decision):
        console.out.print(line, markup=False, soft_wrap=True)
    for each in why.earlier_decision_ids:
        console.out.print(f"before: --decision {each}", markup=False, soft_wrap=True)


@app.command("assign")
def assign(
    work_id: IdArgument,
    agent_id: Annotated[str, typer.Argument(help="Who gets it.")],
    *,
    override: Annotated[
        bool, typer.Option("--override", help="Also beyond their capacity and skills.")
    ] = False,
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Give work that nobody has to an agent."""
    _do(home, tenant, "Assign", work_id=work_id, agent_id=agent_id, override=override)
    console.out.print(f"{agent_id} has it.", markup=False)


@app.command("transfer")
def transfer(
    work_id: IdArgument,
    pool: Annotated[str, typer.Option(help="Pool that gets it.")] = "",
    agent: Annotated[str, typer.Option(help="Agent who gets it; else routing chooses.")] = "",
    skill: SkillOption = None,
    reason: ReasonOption = "",
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Pass work on; it keeps its place."""
    from local import work

    skills = work.skills_of(skill or [])
    fields = {"pool": pool, "agent_id": agent, "skills": skills, "reason": reason}
    said = _do(home, tenant, "Transfer", work_id=work_id, **fields)
    console.out.print(work.line_of(said.work), markup=False, soft_wrap=True)


@app.command("escalate")
def escalate(
    work_id: IdArgument,
    level: Annotated[str, typer.Option(help="l1, l2, l3, lead; else the next.")] = "",
    skill: SkillOption = None,
    reason: ReasonOption = "",
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Move work up the ladder; it keeps its place."""
    from local import work

    skills, chosen = work.skills_of(skill or []), work.level_of(level)
    fields = {"level": chosen, "skills": skills, "reason": reason}
    said = _do(home, tenant, "Escalate", work_id=work_id, **fields)
    console.out.print(work.line_of(said.work), markup=False, soft_wrap=True)


@app.command("rank")
def rank(
    work_id: IdArgument,
    priority: Annotated[int, typer.Argument(min=-1000, max=1000, help="Higher goes first.")],
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """Give work another priority. Negative ones come after `--`."""
    from local import work

    said = _do(home, tenant, "Reprioritise", work_id=work_id, priority=priority)
    console.out.print(work.line_of(said.work), markup=False, soft_wrap=True)


@app.command("withdraw")
def withdraw(
    work_id: IdArgument,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    home: console.HomeOption = None,
    tenant: desk.TenantOption = desk.TENANT,
) -> None:
    """End work that nobody needs, until its customer writes again."""
    _do(home, tenant, "Withdraw", work_id=work_id, reason=reason)
    console.out.print("Withdrawn.")


def _do(home: Path | None, tenant: str, rpc: str, **fields: Any) -> Any:
    return _call(home, tenant, lambda opened: opened.do(rpc, **fields))


def _call(home: Path | None, tenant: str, work: Callable[[Work], Awaitable[T]]) -> T:
    from local.work import Work

    return desk.call(home, tenant, lambda opened: work(Work(opened)), service="routing")
