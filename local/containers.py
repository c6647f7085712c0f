"""One-shot jobs of containers: the secrets of a compose project, then its schemas and topics.

`python -m local.containers secrets` makes every secret of a project in `SWITCHBOARD_HOME`, once: a
folder of files for each service, the database administrator's password, the issuer's keys.
`… provision` brings roles, schemas and topics up to date; it runs before each version of the
services and may run twice. `… simulator` runs the provider simulator on the project's secrets.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import runpy
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from local import credentials, endpoints, environment, provision
from local.files import write_private
from local.home import Home
from local.issuer import Issuer
from local.postgres.migrate import migrate
from services.chassis.settings import PREFIX, SECRETS_DIR, ServiceSettings

SERVICES = ("intake", "routing", "sla", "feedback", "insights", "console")
DATABASE_HOST = "postgres:5432"  # where the containers find Postgres; SWITCHBOARD_DATABASE_HOST
INTAKE_URL = "http://intake:8080"  # where the simulator's webhooks go
DSN = f"{PREFIX}POSTGRES_DSN"


class ProvisionSettings(BaseSettings):
    """What the provisioning job needs, from `SWITCHBOARD_<FIELD>` or files of those names."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    admin_dsn: SecretStr = Field(description="a database role that may create roles and schemas")
    service_secrets: Path = Field(description="folder with a folder of secret files a service")
    kafka_bootstrap: str = Field(min_length=1)
    partitions: int = Field(32, ge=1)
    replicas: int = Field(3, ge=1)
    make_topics: bool = Field(default=True, description="false where an operator owns the topics")


def make_secrets(home: Home, *, database_host: str = DATABASE_HOST) -> None:
    """Write every secret that isn't there yet; what is there stays as it is."""
    home.create()
    found = credentials.load(home)
    Issuer(home)
    for service in SERVICES:
        for name, value in secrets_of(service, home, found, database_host).items():
            write_private(home.path / service / name, value.encode())
    admin = f"postgresql://postgres:{found.postgres_password}@{database_host}/switchboard"
    write_private(home.path / "provision" / f"{PREFIX}ADMIN_DSN", admin.encode())
    write_private(home.path / "postgres_password", found.postgres_password.encode())


def secrets_of(
    service: str, home: Home, found: credentials.Credentials, database_host: str
) -> dict[str, str]:
    """Give the secret settings of a service: those whose type says so."""
    world = environment.World(
        home=home,
        credentials=found,
        kafka_bootstrap="",
        partitions=0,
        postgres_port=0,
        ports=defaultdict(int),
    )
    known = environment.service(world, service=service, name=service)
    password = environment.role_password(found, service)
    known[DSN] = (
        f"postgresql://{environment.role(service)}:{password}"
        f"@{database_host}/{environment.DATABASE}"
    )
    wanted = {PREFIX + name.upper() for name in secret_fields(settings_class(service))}
    return {name: value for name, value in known.items() if name in wanted}


def settings_class(service: str) -> type[ServiceSettings]:
    """Give the settings of a service: the one class of its module that is derived from ours."""
    module = importlib.import_module(f"services.{service}.settings")
    (found,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, ServiceSettings)
        and each.__module__ == module.__name__
    )
    return found


def secret_fields(settings: type[ServiceSettings]) -> list[str]:
    """Give the names of the fields that hold secrets."""
    fields = settings.model_fields.items()
    return [name for name, field in fields if "SecretStr" in repr(field.annotation)]


async def provision_all(settings: ProvisionSettings) -> None:
    """Bring roles, schemas and topics up to date.

    Raises:
        asyncpg.PostgresError: A migration is at fault.
        StackError: A topic that exists differs from the registry.
    """
    for service in provision.with_schema():
        dsn = (settings.service_secrets / service / DSN).read_text().strip()
        applied = await migrate(
            settings.admin_dsn.get_secret_value(),
            service,
            provision.migration_folders(service),
            password=unquote(urlsplit(dsn).password or ""),
        )
        say(f"{service}: {', '.join(applied) or 'up to date'}")
    if settings.make_topics:
        made = await provision.apply_topics(
            bootstrap=settings.kafka_bootstrap,
            partitions=settings.partitions,
            replicas=settings.replicas,
        )
        say(f"{len(made)} topics created")


def simulate(home: Home, environ: Mapping[str, str]) -> None:
    """Run the provider simulator in this process until SIGTERM."""
    found = credentials.load(home)
    os.environ |= {
        "SIMULATOR_ACCOUNTS": json.dumps(endpoints.at_providers(found, [INTAKE_URL])),
        "SIMULATOR_LEDGER": str(home.ledgers / "provider.jsonl"),
        **environ,
    }
    runpy.run_module("local.simulator", run_name="__main__")


def say(line: str) -> None:
    """Print a line of progress."""
    sys.stdout.write(line + "\n")


def main(arguments: list[str]) -> int:
    """Run one job."""
    match arguments:
        case ["secrets"]:
            make_secrets(
                Home.choose(),
                database_host=os.environ.get(f"{PREFIX}DATABASE_HOST", DATABASE_HOST),
            )
        case ["provision"]:
            secrets_dir = os.environ.get(SECRETS_DIR)
            settings = ProvisionSettings(_secrets_dir=secrets_dir)  # type: ignore[call-arg] # from env
            asyncio.run(provision_all(settings))
        case ["simulator"]:
            simulate(Home.choose(), os.environ)
        case _:
            sys.stderr.write("python -m local.containers secrets | provision | simulator\n")
            return 64  # EX_USAGE of sysexits.h
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
