"""Topics are made from the registry on a real broker, and differences are told, never mended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from local.provisioner import Drift, Provisioner, TopicDriftError
from services.chassis.bus import topics
from services.chassis.bus.topics import Topic
from tests.support.stack import Kafka

PARTITIONS = 4


@pytest.fixture
async def admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
def registry(kafka: Kafka) -> list[Topic]:
    """Two entries under names of this test's own."""
    names = ("intake.inputs.v1", "sla.events.v1")
    return [replace(topics.load()[name], topic=kafka.name(name)) for name in names]


def provisioner(admin: AIOKafkaAdminClient, registry: list[Topic], count: int) -> Provisioner:
    return Provisioner(admin, registry, partitions=count, replicas=1)


async def test_missing_topics_are_made_once(
    admin: AIOKafkaAdminClient, registry: list[Topic]
) -> None:
    here = provisioner(admin, registry, PARTITIONS)
    names = tuple(sorted(topic.topic for topic in registry))

    before = await here.drifts()
    first, second = await here.apply(), await here.apply()

    assert before == tuple(Drift(name, "partitions", "4", "") for name in names)
    assert (first, second) == (names, ())
    assert await here.drifts() == ()


async def test_another_partition_count_is_refused(
    admin: AIOKafkaAdminClient, registry: list[Topic]
) -> None:
    await provisioner(admin, registry, PARTITIONS).apply()

    with pytest.raises(TopicDriftError, match="partitions should be 8, is 4") as refused:
        await provisioner(admin, registry, 2 * PARTITIONS).verify()

    assert {drift.topic for drift in refused.value.drifts} == {topic.topic for topic in registry}


async def test_another_setting_is_told_and_left_alone(
    admin: AIOKafkaAdminClient, registry: list[Topic]
) -> None:
    await provisioner(admin, registry, PARTITIONS).apply()
    longer = [replace(registry[0], retention_days=8), registry[1]]

    with pytest.raises(TopicDriftError) as refused:
        await provisioner(admin, longer, PARTITIONS).apply()

    eight, seven = str(8 * topics.DAY_MS), str(7 * topics.DAY_MS)
    assert refused.value.drifts == (Drift(registry[0].topic, "retention.ms", eight, seven),)
    await provisioner(admin, registry, PARTITIONS).verify()
