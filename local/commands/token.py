"""`switchboard token`: a token of the local issuer."""

from __future__ import annotations

from typing import Annotated

import typer

from local import issuer
from local.commands import console
from local.errors import StackError


def token(
    role: Annotated[list[str], typer.Option("--role", help="Role; repeatable.")],
    subject: Annotated[str, typer.Option(help="Who calls, for example an agent's id.")] = "local",
    tenant: Annotated[str, typer.Option(help="Whose data.")] = "default",
    ttl: Annotated[int, typer.Option(help="Seconds until it ends.")] = issuer.DEFAULT_TTL_S,
    home: console.HomeOption = None,
) -> None:
    """Print a token that the services of this data folder accept."""
    unknown = sorted(set(role) - set(issuer.ROLES))
    if unknown:
        raise StackError(
            f"No such role: {', '.join(unknown)}; there are {', '.join(issuer.ROLES)}."
        )
    chosen = console.home_of(home)
    chosen.create()
    signed = issuer.Issuer(chosen).sign(subject=subject, roles=role, tenant=tenant, ttl_s=ttl)
    typer.echo(signed)
