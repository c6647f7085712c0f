"""Fills the servers: the database and its schemas, the topics of the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

import services
from local import environment
from local.credentials import Credentials
from local.errors import StackError
from local.postgres import migrate
from local.provisioner import Drift, Provisioner, TopicDriftError
from services.chassis.bus import topics as registry

SERVICES = Path(services.__file__).parent
PROCESSING = ("intake", "routing", "sla", "feedback")
"""Services whose schema holds the engine's tables beside their own."""
MAINTENANCE_DATABASE = "postgres"
REPLICAS = 1


def migration_folders(service: str) -> list[Path]:
    """Give the folders of a service's migrations in the order they are applied."""
    own = SERVICES / service / "migrations"
    engine = [migrate.ENGINE_DIRECTORY] if service in PROCESSING else []
    return [*engine, own] if any(own.glob("*.sql")) else []


def with_schema() -> list[str]:
    """Give the services that have a schema."""
    names = sorted(path.name for path in SERVICES.iterdir())
    return [name for name in names if migration_folders(name)]


def processing_with_schema() -> list[str]:
    """Give the services whose schema holds the engine's tables."""
    return [name for name in with_schema() if name in PROCESSING]


async def migrate_all(*, admin_dsn: str, credentials: Credentials) -> dict[str, list[str]]:
    """Create what is missing; gives the versions applied now, by service.

    Raises:
        asyncpg.PostgresError: A migration is at fault.
    """
    await _create_database(admin_dsn)
    done = {}
    for service in with_schema():
        folders = migration_folders(service)
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


async def apply_topics(
    *, bootstrap: str, partitions: int, replicas: int = REPLICAS
) -> tuple[str, ...]:
    """Create the registry's topics that are missing; gives their names.

    Raises:
        StackError: One that exists differs from the registry.
    """
    async with _provisioner(bootstrap, partitions, replicas) as provisioner:
        try:
            return await provisioner.apply()
        except TopicDriftError as drift:
            raise StackError(str(drift)) from drift


async def topic_drifts(*, bootstrap: str, partitions: int) -> tuple[Drift, ...]:
    """Give where the cluster's topics differ from the registry."""
    async with _provisioner(bootstrap, partitions) as provisioner:
        return await provisioner.drifts()


@asynccontextmanager
async def _provisioner(
    bootstrap: str, partitions: int, replicas: int = REPLICAS
) -> AsyncIterator[Provisioner]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield Provisioner(admin, registry.load().values(), partitions=partitions, replicas=replicas)
    finally:
        await admin.close()
