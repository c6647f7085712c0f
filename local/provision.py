"""Fills the servers: the database and its schemas, the topics of the registry."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from local import environment
from local.credentials import Credentials
from services.chassis.postgres import migrate

SERVICES = Path(migrate.__file__).parents[2]
PROCESSING = ("intake", "routing", "sla", "feedback")
"""Services whose schema holds the engine's tables beside their own."""
MAINTENANCE_DATABASE = "postgres"


def migration_folders(service: str) -> list[Path]:
    """Give the folders of a service's migrations in the order they are applied."""
    own = SERVICES / service / "migrations"
    engine = [migrate.ENGINE_DIRECTORY] if service in PROCESSING else []
    return [*engine, own] if own.is_dir() else []


async def migrate_all(*, admin_dsn: str, credentials: Credentials) -> dict[str, list[str]]:
    """Create what is missing; gives the versions applied now, by service.

    Raises:
        asyncpg.PostgresError: A migration is at fault.
    """
    await _create_database(admin_dsn)
    done = {}
    for service in sorted(path.name for path in SERVICES.iterdir()):
        folders = migration_folders(service)
        if folders:
            password = environment.role_password(credentials, service)
            done[service] = await migrate.migrate(admin_dsn, service, folders, password=password)
    return done


async def _create_database(admin_dsn: str) -> None:
    parts = urlsplit(admin_dsn)
    name = parts.path.removeprefix("/")
    maintenance = urlunsplit(parts._replace(path=f"/{MAINTENANCE_DATABASE}"))
    connection = await asyncpg.connect(maintenance, timeout=10)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
