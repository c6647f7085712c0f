"""The servers of the local stack are the real ones, and come back after kill -9 with their data."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.support.stack import Kafka, Postgres


async def test_kafka_keeps_acknowledged_records_over_kill_9(kafka: Kafka) -> None:
    topic = await kafka.topic("survives", partitions=2)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        sent = await producer.send_and_wait(topic, b"before", partition=1)

    await asyncio.to_thread(kafka.server.kill)
    await asyncio.to_thread(kafka.server.start)

    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        record = await asyncio.wait_for(consumer.getone(), timeout=30)
    assert (record.value, record.timestamp, record.timestamp_type) == (b"before", sent.timestamp, 1)


async def test_postgres_keeps_commits_over_kill_9(postgres: Postgres) -> None:
    dsn = await postgres.adatabase("survives")
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")

    await asyncio.to_thread(postgres.server.kill)
    await asyncio.to_thread(postgres.server.start)

    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("SELECT id FROM kept") == 7
    assert str(await connection.fetchval("SHOW server_version")).startswith("18.")
    await connection.close()


async def test_postgres_takes_no_wrong_password(postgres: Postgres) -> None:
    dsn = postgres.cluster.dsn(password="wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsn)


async def test_each_test_has_names_of_its_own(kafka: Kafka, postgres: Postgres) -> None:
    assert kafka.name("a") != kafka.name("a")
    assert await postgres.adatabase() != await postgres.adatabase()
