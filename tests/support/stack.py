"""Real Kafka and Postgres for tests: started once a session, on free ports, stopped by pid.

Load it where needed with `pytest_plugins = ["tests.support.stack"]` in the top conftest. A test
takes `kafka` or `postgres` and gets names of its own: `kafka.name("orders")` for topics and
groups, `postgres.database()` for an empty database.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from local import process
from local.errors import StackError
from local.kafka import server as kafka_server
from local.ports import free_ports
from local.postgres import server as postgres_server

START_DEADLINE_S = 60.0
STOP_GRACE_S = 20.0
_serial = itertools.count(1)


@dataclass(slots=True)
class Running:
    """A server under test that may be killed and started again."""

    command: process.Command
    is_ready: Callable[[int], bool]
    stop_signal: int
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start the server and wait until it serves; a start that loses a race is repeated.

        A killed Postgres leaves backends behind that hold its memory for a moment: the next start
        fails then, as it should, and the one after succeeds.
        """
        for attempt in range(20):
            self.process = process.start(self.command)
            try:
                self._wait()
            except StackError:
                if self.process.poll() is None or attempt == 19:
                    raise
            else:
                return

    def kill(self) -> None:
        """Kill -9, as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server in order."""
        process.stop(self.process, sig=self.stop_signal, grace_s=STOP_GRACE_S)

    def _wait(self) -> None:
        process.wait_until(
            lambda: self.is_ready(self.process.pid),
            what=self.command.name,
            deadline_s=START_DEADLINE_S,
            process=self.process,
            log=self.command.log,
        )


@dataclass(frozen=True, slots=True)
class Kafka:
    """One real broker."""

    bootstrap: str
    server: Running

    def name(self, stem: str) -> str:
        """Give a name no other test has, for a topic or a group."""
        return f"{stem}-{os.getpid()}-{next(_serial)}"

    def create_topics(self, *topics: str, partitions: int = 1, **config: str) -> None:
        """Create topics now; `config` are topic settings with `_` for `.`."""
        asyncio.run(self.acreate_topics(*topics, partitions=partitions, **config))

    async def acreate_topics(self, *topics: str, partitions: int = 1, **config: str) -> None:
        """Create topics from a running loop; each has a leader when this returns."""
        settings = {key.replace("_", "."): value for key, value in config.items()}
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.create_topics(
                [NewTopic(topic, partitions, 1, topic_configs=settings) for topic in topics]
            )
        finally:
            await admin.close()

    async def topic(self, stem: str, *, partitions: int = 1, **config: str) -> str:
        """Create a topic of this test's own; gives its name."""
        name = self.name(stem)
        await self.acreate_topics(name, partitions=partitions, **config)
        return name


@dataclass(frozen=True, slots=True)
class Postgres:
    """One real PostgreSQL 18."""

    cluster: postgres_server.PostgresServer
    server: Running

    @property
    def admin_dsn(self) -> str:
        """Give the administrator's address of the maintenance database."""
        return self.cluster.dsn()

    def database(self, stem: str = "test") -> str:
        """Create an empty database; gives the administrator's address of it."""
        return asyncio.run(self.adatabase(stem))

    async def adatabase(self, stem: str = "test") -> str:
        """Create an empty database from a running loop; gives the administrator's address."""
        name = f"{stem}_{os.getpid()}_{next(_serial)}"
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return self.cluster.dsn(database=name)


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A folder for the servers' data that is gone after the session."""
    folder = Path(tempfile.mkdtemp(prefix="switchboard-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_kafka(folder: Path) -> Iterator[Kafka]:
    """Run a real Apache Kafka broker."""
    broker_port, controller_port = free_ports(2)
    server = kafka_server.single(
        folder=folder / "kafka", broker_port=broker_port, controller_port=controller_port
    )
    server.prepare(cluster_id=kafka_server.new_cluster_id())
    running = Running(
        command=server.command(),
        is_ready=lambda _pid: server.is_ready(),
        stop_signal=kafka_server.STOP_SIGNAL,
    )
    running.start()
    try:
        yield Kafka(bootstrap=server.bootstrap, server=running)
    finally:
        running.stop()


@contextmanager
def running_postgres(folder: Path, *, durable: bool = False) -> Iterator[Postgres]:
    """Run a real PostgreSQL 18."""
    cluster = postgres_server.PostgresServer(
        folder=folder / "postgres",
        port=free_ports(1)[0],
        password=postgres_server.new_password(),
        durable=durable,
    )
    cluster.prepare()
    running = Running(
        command=cluster.command(),
        is_ready=cluster.is_ready,
        stop_signal=postgres_server.STOP_SIGNAL,
    )
    running.start()
    try:
        yield Postgres(cluster=cluster, server=running)
    finally:
        running.stop()


@pytest.fixture(scope="session")
def kafka(stack_folder: Path) -> Iterator[Kafka]:
    """A real Apache Kafka broker for the session."""
    with running_kafka(stack_folder) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres(stack_folder: Path) -> Iterator[Postgres]:
    """A real PostgreSQL 18 for the session."""
    with running_postgres(stack_folder) as server:
        yield server
