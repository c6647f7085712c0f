"""The AsyncAPI document says what the registry says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from protos import asyncapi
from services.chassis.bus import topics


@pytest.fixture(scope="module")
def rendered() -> str:
    return asyncapi.render()


@pytest.fixture(scope="module")
def document(rendered: str) -> dict[str, Any]:
    return dict(yaml.safe_load(rendered))


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def test_the_committed_document_is_up_to_date(rendered: str) -> None:
    assert asyncapi.TARGET.read_text(encoding="utf-8") == rendered


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


@pytest.mark.parametrize("name", topics.load())
def test_a_channel_is_its_topic(document: dict[str, Any], name: str) -> None:
    topic, channel = topics.load()[name], document["channels"][name]
    settings = channel["bindings"]["kafka"]["topicConfiguration"]

    assert channel["address"] == name
    assert channel["x-personal-fields"] == list(topic.pii)
    assert str(settings["retention.ms"]) == topic.settings(replicas=1)["retention.ms"]
    assert [each["$ref"] for each in channel["messages"].values()] == [
        f"#/components/messages/{topic.message}"
    ]


def test_writers_and_readers_are_operations(document: dict[str, Any]) -> None:
    wanted = {
        f"{part}.{action}.{topic.topic}"
        for topic in topics.load().values()
        for action, parts in (("send", topic.producers), ("receive", topic.consumers))
        for part in parts
    }

    assert set(document["operations"]) == wanted


def test_schemas_carry_the_comments_of_the_sources(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["switchboard.sla.v1.ClockBreached"]

    assert schema["properties"]["due_at_ms"] == {
        "type": "string",
        "format": "int64",
        "description": "Unix milliseconds when it truly breached.",
    }
