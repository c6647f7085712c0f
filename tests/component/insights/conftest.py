"""Insights as real processes on a broker and a database of their own."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from google.protobuf.message import Message
from switchboard.insights.v1 import insights_service_pb2 as pb
from switchboard.insights.v1.model_pb2 import KpiWindow

from local.ports import free_ports
from local.postgres.migrate import migrate
from local.provisioner import Provisioner
from services.chassis.bus import topics
from services.chassis.rpc.methods import Method, describe
from tests.support import tokens
from tests.support.doors import GrpcDoor, Reply
from tests.support.fleet import Fleet, Member
from tests.support.stack import Kafka, Postgres, running_kafka
from tests.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.support.waiting import until

PARTITIONS = 4
_generations = itertools.count(100, 100)  # the group is named after it: no test joins another's
MIGRATIONS = Path(__file__).resolve().parents[3] / "services" / "insights" / "migrations"
PASSWORD = "insights"
METHODS: Mapping[str, Method] = {
    method.name: describe(method)
    for method in pb.DESCRIPTOR.services_by_name["InsightsService"].methods
}


async def fresh_schema(postgres: Postgres) -> str:
    """An empty schema of insights, of a generation of its own; gives its role's address."""
    admin = await postgres.adatabase("insights")
    await migrate(admin, "insights", [MIGRATIONS], password=PASSWORD)
    connection = await asyncpg.connect(admin)
    await connection.execute(
        "UPDATE insights.kpi_generation SET generation = $1", next(_generations)
    )
    await connection.close()
    name = admin.rsplit("/", 1)[1]
    return postgres.cluster.dsn(database=name, user="svc_insights", password=PASSWORD)


@dataclass(slots=True)
class World:
    """The topics, the schema, and processes that are kept running."""

    kafka: Kafka
    dsn: str
    issuer: Issuer
    folder: Path
    environment: Mapping[str, str]
    producer: AIOKafkaProducer
    doors: list[GrpcDoor] = field(default_factory=list)

    def member(self, name: str, grpc_port: int) -> Member:
        """A process of the service."""
        environment = {**self.environment, "SWITCHBOARD_GRPC_PORT": str(grpc_port)}
        return Member(name, "services.insights", environment, self.folder / f"{name}.log")

    def rebuild(self) -> str:
        """Order a rebuild as an operator would; gives what the command says."""
        done = subprocess.run(
            [sys.executable, "-m", "services.insights", "rebuild"],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    async def publish(self, topic: str, message: Message, *, key: str, **headers: bytes) -> None:
        """Append one record and wait until it is there."""
        await self.producer.send_and_wait(
            topic, message.SerializeToString(), key.encode(), headers=list(headers.items())
        )

    async def call(self, rpc: str, request: Message, *, tenant: str = "", at: int = 0) -> Reply:
        """Ask process number `at`."""
        token = self.issuer.token(tenant=tenant, roles=["supervisor"]) if tenant else ""
        return await self.doors[at].call(METHODS[rpc], request, token=token, seconds=10)

    async def counts(self, tenant: str, name: str, *, at: int = 0) -> int:
        """The sum of one count over all windows of a tenant; -1 while nobody answers."""
        reply = await self.call("GetKpis", pb.GetKpisRequest(), tenant=tenant, at=at)
        if reply.code != "OK":
            return -1
        return sum(getattr(window, name) for window in reply.messages[0].windows)

    async def counted(self, tenant: str, name: str, number: int, *, at: int = 0) -> None:
        """Wait until a count has reached a number."""

        async def reached() -> bool:
            return await self.counts(tenant, name, at=at) >= number

        await until(reached, what=f"{number} {name} of {tenant}", deadline_s=60)

    async def windows(self, tenant: str) -> dict[tuple[int, str, int], dict[str, int]]:
        """All windows of a tenant by start, pool and channel; what is 0 is left out."""
        reply = await self.call("GetKpis", pb.GetKpisRequest(), tenant=tenant)
        return {
            (w.window_start_ms, w.pool, w.channel): _counts(w) for w in reply.messages[0].windows
        }


def _counts(window: KpiWindow) -> dict[str, int]:
    places = {"tenant_id", "pool", "channel", "window_start_ms", "window_end_ms"}
    told = {"updated_at_ms", "revision"}
    return {at.name: value for at, value in window.ListFields() if at.name not in places | told}


@pytest.fixture(scope="package")
def broker(stack_folder: Path) -> Iterator[Kafka]:
    """A broker of these tests' own: insights reads topics by their real names."""
    with running_kafka(stack_folder / "insights") as kafka:
        yield kafka


@asynccontextmanager
async def a_world(broker: Kafka, postgres: Postgres, folder: Path) -> AsyncIterator[World]:
    """Topics as the registry has them, an empty schema, no process yet."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    registry = topics.load().values()
    await Provisioner(admin, registry, partitions=PARTITIONS, replicas=1).apply()
    await admin.close()
    issuer, dsn = Issuer(), await fresh_schema(postgres)
    (folder / "jwks.json").write_bytes(tokens.jwks(issuer))
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
        yield World(
            kafka=broker,
            dsn=dsn,
            issuer=issuer,
            folder=folder,
            environment=_environment(broker, dsn, folder),
            producer=producer,
        )


@pytest.fixture
async def world(broker: Kafka, postgres: Postgres, tmp_path: Path) -> AsyncIterator[World]:
    """A world for one test, which starts its own processes."""
    async with a_world(broker, postgres, tmp_path) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def insights(
    broker: Kafka, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One process for the tests of a module; each has a tenant of its own."""
    folder = tmp_path_factory.mktemp("insights")
    async with a_world(broker, postgres, folder) as found, running(found, 1):
        yield found


class running:  # noqa: N801 - used as a context manager
    """Some processes, ready, kept running while the block lasts."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        ports = free_ports(number)
        members = [world.member(f"insights-{at}", port) for at, port in enumerate(ports)]
        self.fleet = Fleet(*members)
        self._world.doors = [GrpcDoor(port) for port in ports]

    async def __aenter__(self) -> Fleet:
        await self.fleet.__aenter__()
        for at in range(len(self.fleet.members)):
            await until(partial(self._serves, at), what="insights to serve", deadline_s=60)
        return self.fleet

    async def __aexit__(self, *error: Any) -> None:
        for door in self._world.doors:
            await door.channel.close()
        await self.fleet.__aexit__(*error)

    async def _serves(self, at: int) -> bool:
        return await self._world.counts("nobody", "opened", at=at) == 0


def _environment(kafka: Kafka, dsn: str, folder: Path) -> dict[str, str]:
    root = Path(__file__).resolve().parents[3]
    settings = {
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "POSTGRES_DSN": dsn,
        "PARTITIONS": str(PARTITIONS),
        "REPLICAS": "1",
        "AUTH_ISSUER": ISSUER,
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_JWKS": str(folder / "jwks.json"),
        "FLUSH_SECONDS": "0.1",
    }
    paths = {"PYTHONPATH": f"{root}:{root / 'protos' / 'gen'}"}
    return paths | {f"SWITCHBOARD_{name}": value for name, value in settings.items()}
