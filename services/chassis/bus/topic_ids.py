"""Asks Kafka which topic a name stands for.

A topic that was deleted and made again has another id under the same name, and its offsets mean
other records. aiokafka 0.14 speaks Metadata up to version 5, which has no ids: this is version 10
of https://kafka.apache.org/protocol#The_Messages_Metadata, as far as it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any
from uuid import UUID

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)


class _Uuid(AbstractType[UUID]):  # type: ignore[misc] # aiokafka is untyped
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


_TEXT = CompactString("utf-8")
_NODES = CompactArray(Int32)
_TAGS = ("tags", TaggedFields)
_BROKER = (("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), _TAGS)
_PARTITION = (
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", _NODES),
    ("isr", _NODES),
    ("offline", _NODES),
    _TAGS,
)
_TOPIC = (
    ("error_code", Int16),
    ("name", _TEXT),
    ("topic_id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("operations", Int32),
    _TAGS,
)


class _MetadataResponse(Response):  # type: ignore[misc] # aiokafka is untyped
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("operations", Int32),
        _TAGS,
    )


class _MetadataRequestV10(RequestStruct):  # type: ignore[misc] # aiokafka is untyped
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _MetadataResponse
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _TEXT), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
        _TAGS,
    )


class _MetadataRequest(Request[_MetadataRequestV10]):  # type: ignore[misc] # aiokafka is untyped
    API_KEY = 3
    CLASSES = (_MetadataRequestV10,)

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = [(UUID(int=0), topic, dict[int, bytes]()) for topic in topics]

    def build(self, request_struct_class: type[_MetadataRequestV10]) -> _MetadataRequestV10:
        return request_struct_class(self._topics, *_NO_EXTRAS)


_NO_EXTRAS: tuple[Any, ...] = (False, False, False, {})


async def topic_ids(client: Any, topics: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Id and partitions of each topic that exists, asked of any broker by an `AIOKafkaClient`."""
    node = client.get_random_node()
    response = await client.send(node, _MetadataRequest(topics))
    return {topic[1]: (str(topic[2]), len(topic[4])) for topic in response.topics if not topic[0]}
