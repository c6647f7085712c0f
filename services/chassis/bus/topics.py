"""The topic registry: what each topic is for, who owns it, and how it is set up.

Its source is `protos/topics/<topic>.yaml`; `protos/generate.py` packs it into `switchboard.topics`
beside the generated messages, so that it is found in a checkout and in an installed wheel alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, ClassVar, Final, Literal

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

PACKAGE: Final = "switchboard.topics"
DAY_MS: Final = 86_400_000


class RegistryError(Exception):
    """An entry of the registry is not what it should be; the message names the entry and fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One entry of the registry."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    topic: str
    description: str
    owner: str  # the service that may change the entry
    producers: tuple[str, ...]  # `<service>.<part>`
    consumers: tuple[str, ...]
    key: str  # what the record key is, for people
    message: str  # full name of the envelope
    partitions: int | Literal["default"]  # "default": the installation's `partitions` setting
    retention_days: int
    cleanup: Literal["delete", "compact", "compact,delete"]
    timestamp: Literal["LogAppendTime"]  # the only clock that a processor sees
    max_message_bytes: int
    dlq: str | None  # where its readers put what they cannot process
    pii: tuple[str, ...]  # paths of personal fields in the envelope

    def partition_count(self, default: int) -> int:
        """Number of partitions where the installation's setting is `default`."""
        return default if self.partitions == "default" else self.partitions

    def settings(self, *, replicas: int) -> dict[str, str]:
        """Kafka's settings of the topic; a write survives one broker where there are three."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_days * DAY_MS),
            "message.timestamp.type": self.timestamp,
            "max.message.bytes": str(self.max_message_bytes),
            "min.insync.replicas": "2" if replicas > 2 else "1",
        }


_TOPIC: Final = TypeAdapter(Topic)


@cache
def load() -> Mapping[str, Topic]:
    """The whole registry by topic name.

    Raises:
        RegistryError: an entry is malformed.
    """
    files = (file for file in resources.files(PACKAGE).iterdir() if file.name.endswith(".yaml"))
    topics = [parse(file.name, file.read_text(encoding="utf-8")) for file in files]
    return {topic.topic: topic for topic in sorted(topics, key=lambda topic: topic.topic)}


def parse(file_name: str, text: str) -> Topic:
    """One entry from its file.

    Raises:
        RegistryError: the entry is malformed, or the file does not bear its name.
    """
    try:
        fields: Any = yaml.safe_load(text)
        topic = _TOPIC.validate_python(fields)
    except yaml.YAMLError as error:
        raise RegistryError(f"{file_name}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RegistryError(f"{file_name}: {wrong}") from error
    if file_name != f"{topic.topic}.yaml":
        raise RegistryError(f"{file_name}: describes {topic.topic}")
    return topic
