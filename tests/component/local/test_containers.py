"""The one-shot jobs of containers, on servers of their own: secrets, schemas, topics, a service."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from docs.generator.built import compose_environment
from local import environment
from local.containers import SERVICES
from local.home import Home
from local.ports import free_ports
from local.postgres.server import ADMIN, STOP_SIGNAL, PostgresServer
from local.provision import PROCESSING
from services.chassis.bus import topics as registry
from tests.support.stack import Running, running_kafka
from tests.support.waiting import until_now

PARTITIONS = 2
GRACE_S = 30


class Containers:
    """A compose project without containers: the same programs, the same variables."""

    def __init__(self, home: Home, kafka: str, postgres: str) -> None:
        self.home = home
        self.kafka = kafka
        self.postgres = postgres
        self.said = ""

    def start(self, *program: str, **variables: str) -> subprocess.Popen[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SWITCHBOARD_")}
        given = environment.interpreter() | {
            k if k.startswith("SIMULATOR_") else f"SWITCHBOARD_{k}": v for k, v in variables.items()
        }
        return subprocess.Popen(
            [sys.executable, "-P", "-m", *program],
            env=clean | given,
            cwd=self.home.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *program: str, **variables: str) -> str:
        job = self.start(*program, **variables)
        said, _ = job.communicate(timeout=60)
        assert job.returncode == 0, said
        return said

    def secrets(self) -> None:
        where = {"HOME": str(self.home.path), "DATABASE_HOST": self.postgres}
        self.run("local.containers", "secrets", **where)

    def provision(self) -> str:
        return self.run(
            "local.containers",
            "provision",
            SECRETS_DIR=str(self.home.path / "provision"),
            SERVICE_SECRETS=str(self.home.path),
            KAFKA_BOOTSTRAP=self.kafka,
            PARTITIONS=str(PARTITIONS),
            REPLICAS="1",
        )

    def dsn(self, service: str) -> str:
        return (self.home.path / service / "SWITCHBOARD_POSTGRES_DSN").read_text()


@contextmanager
def database(folder: Path, port: int, password: str) -> Iterator[None]:
    """What the image of Postgres makes of the password file: a server and a database."""
    cluster = PostgresServer(folder=folder, port=port, password=password, durable=False)
    cluster.prepare()
    server = Running(cluster.command(), is_ready=cluster.is_ready, stop_signal=STOP_SIGNAL)
    server.start()
    try:
        asyncio.run(create_database(cluster.dsn()))
        yield
    finally:
        server.stop()


async def create_database(admin_dsn: str) -> None:
    connection = await asyncpg.connect(admin_dsn)
    await connection.execute("CREATE DATABASE switchboard")
    await connection.close()


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    # Not pytest's folder: the database's own user has to reach it.
    with TemporaryDirectory(prefix="switchboard-containers-") as name:
        folder = Path(name)
        home = Home(folder / "home")
        home.create()
        (port,) = free_ports(1)
        made = Containers(home, "", f"127.0.0.1:{port}")
        made.secrets()
        # The image's administrator is called otherwise than ours.
        admin = home.path / "provision" / "SWITCHBOARD_ADMIN_DSN"
        admin.write_text(admin.read_text().replace("//postgres:", f"//{ADMIN}:"))
        password = (home.path / "postgres_password").read_text()
        with database(folder / "database", port, password), running_kafka(folder) as kafka:
            made.kafka = kafka.bootstrap
            made.said = made.provision()
            yield made


def test_every_schema_is_made_once(containers: Containers) -> None:
    again = containers.provision()
    for service in PROCESSING:
        assert f"{service}: 0001" in containers.said
        assert f"{service}: up to date" in again
    assert f"{len(registry.load())} topics created" in containers.said
    assert "0 topics created" in again


async def test_each_role_reaches_its_own_schema_and_no_other(containers: Containers) -> None:
    connection = await asyncpg.connect(containers.dsn("sla"))
    try:
        assert await connection.fetchval("SELECT count(*) FROM shard") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM intake.shard")
    finally:
        await connection.close()


def test_secrets_are_made_once_and_are_private(containers: Containers) -> None:
    found = containers.home.path.rglob("SWITCHBOARD_*")
    before = {path: path.read_bytes() for path in found if path.parent.name != "provision"}
    containers.secrets()
    assert {path: path.read_bytes() for path in before} == before
    assert {path.stat().st_mode & 0o777 for path in before} == {0o600}
    assert len(before) >= len(SERVICES)


def test_a_service_serves_on_what_its_container_is_given(containers: Containers) -> None:
    given = variables(containers, "sla")
    service = containers.start("services.sla", **given)
    try:
        until_now(
            lambda: service.poll() is not None or answers(given["HTTP_PORT"], "/readyz"),
            what="the service to be ready",
        )
        assert service.poll() is None, service.communicate()[0]
        service.terminate()
        service.wait(GRACE_S)
        assert service.returncode == 0
    finally:
        service.kill()
        service.communicate()


def test_the_simulator_plays_the_provider_of_the_secrets(containers: Containers) -> None:
    (port,) = free_ports(1)
    simulator = containers.start(
        "local.containers", "simulator", HOME=str(containers.home.path), SIMULATOR_PORT=str(port)
    )
    try:
        until_now(lambda: answers(str(port), "/healthz"), what="the simulator to serve")
    finally:
        simulator.terminate()
        simulator.communicate(timeout=GRACE_S)
    assert (containers.home.ledgers / "provider.jsonl").parent.is_dir()


def test_an_unknown_job_is_refused_with_the_list(containers: Containers) -> None:
    job = containers.start("local.containers", "nonsense")
    said, _ = job.communicate(timeout=GRACE_S)
    assert job.returncode == 64
    assert "secrets | provision | simulator" in said


def answers(port: str, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def variables(containers: Containers, service: str) -> dict[str, str]:
    http, grpc = free_ports(2)
    given = {k.removeprefix("SWITCHBOARD_"): v for k, v in compose_environment(service).items()}
    return given | {
        "SECRETS_DIR": str(containers.home.path / service),
        "AUTH_JWKS": str(containers.home.jwks),
        "KAFKA_BOOTSTRAP": containers.kafka,
        "PARTITIONS": str(PARTITIONS),
        "HTTP_PORT": str(http),
        "GRPC_PORT": str(grpc),
    }
