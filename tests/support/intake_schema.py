"""Intake's schema in a database of a test's own, as a role sees it that only this test has."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from local import provision
from local.postgres import migrate
from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.postgres.pool import CHECK, Postgres
from tests.support import stack


@asynccontextmanager
async def in_postgres(server: stack.Postgres) -> AsyncIterator[Postgres]:
    """The pool of the role. Roles are the whole server's, where a real intake may run, too."""
    admin, password = await server.adatabase("intake"), secrets.token_hex(8)
    name = f"intake_{secrets.token_hex(4)}"
    folders = [migrate.ENGINE_DIRECTORY, provision.SERVICES / "intake" / "migrations"]
    await migrate.migrate(admin, name, folders, password=password)
    opened = Postgres(
        SecretStr(f"postgresql://svc_{name}:{password}@{admin.rpartition('@')[2]}"),
        application="test",
        health=Health(CHECK),
        background=Background(),
    )
    await opened.start()
    try:
        yield opened
    finally:
        await opened.stop()
