"""Makes the topics of the registry, and finds where a cluster differs from it.

It creates what is missing and changes nothing that exists: more partitions would send a key to
another shard, and a shorter retention loses records. Such a difference is reported, for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from services.chassis.bus.topics import Topic

PARTITIONS: Final = "partitions"
SETTLE_SECONDS: Final = 10


@dataclass(frozen=True, slots=True, order=True)
class Drift:
    """One setting of one topic that differs from the registry; `found` is "" if it is missing."""

    topic: str
    setting: str  # a Kafka topic setting, or `partitions`
    wanted: str
    found: str

    def __str__(self) -> str:
        """The difference as a sentence."""
        found = self.found or "nothing"
        return f"{self.topic}: {self.setting} should be {self.wanted}, is {found}"


class TopicDriftError(Exception):
    """The cluster's topics are not those of the registry."""

    def __init__(self, drifts: tuple[Drift, ...]) -> None:
        super().__init__("; ".join(str(drift) for drift in drifts))
        self.drifts = drifts


class Provisioner:
    """The registry's topics in one cluster."""

    def __init__(
        self,
        admin: AIOKafkaAdminClient,
        topics: Collection[Topic],
        *,
        partitions: int,
        replicas: int,
    ) -> None:
        """Use a started `admin`; `partitions` is for topics that have no count of their own."""
        self._admin = admin
        self._topics = {topic.topic: topic for topic in topics}
        self._partitions = partitions
        self._replicas = replicas

    async def apply(self) -> tuple[str, ...]:
        """Create the topics that are missing; gives their names. Idempotent, safe in two processes.

        Raises:
            TopicDriftError: a topic that exists differs from the registry.
            KafkaError: the cluster refused or does not answer.
            TimeoutError: created topics do not show up.
        """
        missing = self._topics.keys() - (await self._found_partitions()).keys()
        created = tuple(sorted(missing))
        if created:
            await self._create(created)
        await self.verify()
        return created

    async def verify(self) -> None:
        """Compare and change nothing.

        Raises:
            TopicDriftError: something differs or is missing; has all of it.
            KafkaError: the cluster does not answer.
        """
        if drifts := await self.drifts():
            raise TopicDriftError(drifts)

    async def drifts(self) -> tuple[Drift, ...]:
        """All that differs from the registry, sorted. Settings the registry has not are free."""
        found = await self._found_partitions()
        settings = await self._found_settings(found.keys())
        drifts: list[Drift] = []
        for name, topic in self._topics.items():
            wanted = {PARTITIONS: str(topic.partition_count(self._partitions))}
            actual = {PARTITIONS: str(found.get(name, ""))}
            if name in found:
                wanted |= topic.settings(replicas=self._replicas)
                actual |= settings[name]
            drifts += (
                Drift(name, setting, value, actual.get(setting, ""))
                for setting, value in wanted.items()
                if actual.get(setting) != value
            )
        return tuple(sorted(drifts))

    async def _create(self, names: Collection[str]) -> None:
        topics = [self._topics[name] for name in names]
        response: Any = await self._admin.create_topics(
            [
                NewTopic(
                    topic.topic,
                    topic.partition_count(self._partitions),
                    self._replicas,
                    topic_configs=topic.settings(replicas=self._replicas),
                )
                for topic in topics
            ]
        )
        for name, code, *text in response.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"{name}: {text[0] if text else ''}")
        await self._settle(set(names))

    async def _settle(self, names: set[str]) -> None:
        """Wait until the topics show: brokers learn of them one after the other."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while not (await self._found_partitions()).keys() >= names:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(SETTLE_SECONDS / 100)

    async def _found_partitions(self) -> Mapping[str, int]:
        described: Any = await self._admin.describe_topics()
        counts = {topic["topic"]: len(topic["partitions"]) for topic in described}
        return {name: count for name, count in counts.items() if name in self._topics}

    async def _found_settings(self, names: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(names)]
        if not asked:
            return {}
        responses: Any = await self._admin.describe_configs(asked)
        return {
            name: {entry[0]: entry[1] for entry in entries}
            for response in responses
            for _code, _text, _kind, name, entries in response.resources
        }
