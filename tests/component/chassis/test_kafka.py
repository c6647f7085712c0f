"""Our clients on a real broker, in the loop that services run in."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from services.chassis.bus.kafka import KafkaPublisher
from tests.support.stack import Kafka


def test_a_transport_that_was_closed_is_a_broken_connection(kafka: Kafka) -> None:
    assert KafkaPublisher.__module__  # whose import makes it so

    async def ask() -> bool:
        client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap)
        await client.bootstrap()
        node = client.get_random_node()
        connection = await client._get_conn(node)
        connection._writer.transport.abort()
        await asyncio.sleep(0)  # closed, and nobody has been told
        with pytest.raises(KafkaConnectionError, match="is closed"):
            await connection.send(MetadataRequest([]))
        connected = await client.ready(node)
        await client.close()
        return bool(connected)

    assert uvloop.run(ask()), "the next request connects anew"
