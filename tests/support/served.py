"""One service in this loop on real Kafka and Postgres, and its public doors to knock at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from google.protobuf.message import Message

from local.postgres.migrate import migrate
from local.provision import apply_topics, migration_folders
from services.chassis.health import DRAINING
from services.chassis.http import HttpServer
from services.chassis.lifecycle import App
from services.chassis.rpc.methods import Method
from services.chassis.rpc.server import GrpcServer
from tests.support import tokens
from tests.support.doors import GrpcDoor, Reply
from tests.support.stack import Kafka, Postgres
from tests.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.support.waiting import until

PARTITIONS = 4
PASSWORD = "a password of tests"


@dataclass(frozen=True, slots=True)
class Served:
    """A running service."""

    app: App
    database: asyncpg.Pool
    producer: AIOKafkaProducer
    bootstrap: str
    issuer: Issuer
    grpc: GrpcDoor
    http_url: str

    async def publish(self, topic: str, key: str, message: Message) -> None:
        """Append a record as another service would."""
        await self.producer.send_and_wait(topic, message.SerializeToString(), key.encode())

    async def read(self, topic: str, key: str) -> list[bytes]:
        """Every value that a topic holds for a key, in order."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(places)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(places)
            return await _until_ends(consumer, ends, key.encode())
        finally:
            await consumer.stop()

    async def call(
        self, method: Method, request: Message, *, role: str = "supervisor", tenant: str = "default"
    ) -> Reply:
        """Call an RPC as somebody with that role."""
        token = self.issuer.token(roles=[role], tenant=tenant)
        return await self.grpc.call(method, request, token=token)


async def _until_ends(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], key: bytes
) -> list[bytes]:
    values: list[bytes] = []
    while any([await consumer.position(place) < end for place, end in ends.items()]):
        for batch in (await consumer.getmany(timeout_ms=500)).values():
            values += [got.value for got in batch if got.key == key]
    return values


@asynccontextmanager
async def serving(
    name: str,
    build: Callable[[Mapping[str, Any]], App],
    *,
    kafka: Kafka,
    postgres: Postgres,
    folder: Path,
) -> AsyncIterator[Served]:
    """Migrate an empty database, make the topics, start the service, wait until it is ready.

    `build` gets the shared settings by field name.
    """
    await apply_topics(bootstrap=kafka.bootstrap, partitions=PARTITIONS)
    admin = await postgres.adatabase(name)
    await migrate(admin, name, migration_folders(name), password=PASSWORD)
    database = admin.rsplit("/", 1)[1]
    dsn = postgres.cluster.dsn(database=database, user=f"svc_{name}", password=PASSWORD)
    issuer = Issuer()
    jwks = folder / "jwks.json"
    await asyncio.to_thread(jwks.write_bytes, tokens.jwks(issuer))
    app = build(
        {
            "kafka_bootstrap": kafka.bootstrap,
            "postgres_dsn": dsn,
            "partitions": PARTITIONS,
            "replicas": 1,
            "auth_issuer": ISSUER,
            "auth_audience": AUDIENCE,
            "auth_jwks": str(jwks),
        }
    )
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(asyncpg.create_pool(dsn, min_size=1, max_size=2))
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
        await stack.enter_async_context(producer)
        await stack.enter_async_context(started(app))
        doors = [part for part in app.components if isinstance(part, GrpcServer | HttpServer)]
        ports = {door.name: door.port for door in doors}
        grpc = GrpcDoor(ports["grpc"])
        stack.push_async_callback(grpc.channel.close)
        yield Served(
            app=app,
            database=pool,
            producer=producer,
            bootstrap=kafka.bootstrap,
            issuer=issuer,
            grpc=grpc,
            http_url=f"http://127.0.0.1:{ports['http']}",
        )


@asynccontextmanager
async def started(app: App) -> AsyncIterator[None]:
    """Start every part of a process in this loop, wait until it is ready; drain at the end."""
    running = []
    try:
        for part in app.components:
            running.append(part)
            await part.start()
        app.health.passing(DRAINING)
        await until(lambda: app.health.ready, what=f"{app.name} ready: {app.health.checks}")
        yield
    finally:
        app.health.drain()
        for part in reversed(running):
            await part.stop()
