"""`switchboard migrate`: the database, a role and a schema a service, and their migrations."""

from __future__ import annotations

import asyncio

from local import credentials, state
from local.commands import console
from local.errors import StackError


def migrate(
    home: console.HomeOption = None, output: console.OutputOption = console.Output.TEXT
) -> None:
    """Bring every service's schema up to date. Needs a running Postgres."""
    from local import provision

    chosen = console.home_of(home)
    dsn = state.load(chosen).postgres_admin_dsn
    if not dsn:
        raise StackError("There is no Postgres yet: start the stack with `switchboard up`.")
    secrets = credentials.load(chosen)
    done = asyncio.run(provision.migrate_all(admin_dsn=dsn, credentials=secrets))
    if output is console.Output.JSON:
        console.print_json(done)
        return
    for service, versions in done.items():
        console.out.print(f"{service}: {', '.join(versions) or 'up to date'}")
