"""Writes docs/asyncapi.yaml, the AsyncAPI 3.1 document of our topics, from the registry.

`python -m protos.asyncapi`, or `--check` to fail on drift.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from protos import compiler
from protos.schemas import Catalogue, reference
from services.chassis.bus import topics
from services.chassis.bus.topics import Topic

TARGET: Final = compiler.ROOT.parent / "docs" / "asyncapi.yaml"
EXAMPLES: Final = compiler.ROOT / "examples"
DEFAULT_PARTITIONS: Final = 32
BINDING: Final = {"bindingVersion": "0.5.0"}
Node = dict[str, Any]

CLOUD_EVENTS: Final = {
    "ce_specversion": "Version of CloudEvents, `1.0`.",
    "ce_id": "Id of the event, unique in its source.",
    "ce_source": "Who wrote it, for example `/intake/threader`.",
    "ce_type": "Full protobuf name of the value.",
    "ce_time": "When it was written, RFC 3339.",
    "ce_subject": "What it is about, where the writer says so.",
    "content-type": "`application/protobuf`.",
    "traceparent": "W3C trace context.",
    "sb_writer": "Processor that wrote it, where its writer keeps a sequence.",
    "sb_shard": "Shard of that processor.",
    "sb_seq": "`<incarnation>.<sequence>`, contiguous per writer, shard and partition.",
}
REQUIRED_HEADERS: Final = ["ce_specversion", "ce_id", "ce_source", "ce_type", "content-type"]


def main(argv: list[str] | None = None) -> int:
    """Write the document, or with `--check` compare. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Write docs/asyncapi.yaml")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if it drifted")
    check: bool = parser.parse_args(argv).check
    text = render()
    if not check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write("docs/asyncapi.yaml differs from the registry: run `make protos`\n")
    return 1


def render() -> str:
    """The document as YAML.

    Raises:
        CompilationFailedError: the proto sources do not compile.
        RegistryError: the registry is malformed.
    """
    body = yaml.safe_dump(
        document(list(topics.load().values()), catalogue()),
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    return f"# Generated from protos/topics by `make protos`. Do not edit.\n{body}"


def catalogue() -> Catalogue:
    """Our messages with their comments.

    Raises:
        CompilationFailedError: the proto sources do not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        compiler.write_image(image, root=compiler.ROOT, comments=True)
        return Catalogue(FileDescriptorSet.FromString(image.read_bytes()))


def document(registry: list[Topic], known: Catalogue) -> Node:
    """The whole document."""
    envelopes = {topic.message: topic for topic in reversed(registry)}
    schemas = {name for envelope in envelopes for name in known.closure(envelope)}
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Switchboard",
            "version": version(),
            "description": "Topics of the contact center. Values are protobuf; schemas and "
            "examples show their JSON form.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/protobuf",
        "servers": {"kafka": {"host": "kafka:9092", "protocol": "kafka"}},
        "channels": {topic.topic: channel(topic) for topic in registry},
        "operations": {name: node for topic in registry for name, node in operations(topic)},
        "components": {
            "messages": {name: message(envelopes[name], known) for name in sorted(envelopes)},
            "schemas": {"headers": headers(), **{n: known.schema(n) for n in sorted(schemas)}},
        },
    }


def version() -> str:
    """The version of the distribution, from its project file."""
    project = tomllib.loads((compiler.ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def channel(topic: Topic) -> Node:
    """One topic."""
    kafka = {
        "topic": topic.topic,
        "partitions": topic.partition_count(DEFAULT_PARTITIONS),
        "topicConfiguration": {
            "cleanup.policy": topic.cleanup.split(","),
            "retention.ms": topic.retention_days * topics.DAY_MS,
            "max.message.bytes": topic.max_message_bytes,
        },
        **BINDING,
    }
    return {
        "address": topic.topic,
        "description": topic.description,
        "messages": {short(topic): {"$ref": reference("messages", topic.message)}},
        "tags": [{"name": f"owner:{topic.owner}"}],
        "bindings": {"kafka": kafka},
        "x-key": topic.key,
        "x-dead-letters": topic.dlq,
        "x-personal-fields": list(topic.pii),
    }


def operations(topic: Topic) -> Iterable[tuple[str, Node]]:
    """Who writes the topic and who reads it."""
    for action, parts in (("send", topic.producers), ("receive", topic.consumers)):
        for part in parts:
            at = f"#/channels/{topic.topic}"
            yield (
                f"{part}.{action}.{topic.topic}",
                {
                    "action": action,
                    "channel": {"$ref": at},
                    "tags": [{"name": f"part:{part}"}],
                    "messages": [{"$ref": f"{at}/messages/{short(topic)}"}],
                },
            )


def message(topic: Topic, known: Catalogue) -> Node:
    """One envelope, with the example of its first kind that is not a control record."""
    kinds = [field.name for field in known.message(topic.message).field]
    found = {path.stem: path for path in (EXAMPLES / topic.topic).glob("*.json")}
    first = min(found.keys() - {"control"}, key=lambda k: kinds.index(k) if k in kinds else 0)
    example = json.loads(found[first].read_text(encoding="utf-8"))
    return {
        "name": topic.message,
        "title": short(topic),
        "summary": known.comment(topic.message),
        "contentType": "application/protobuf",
        "headers": {"$ref": reference("schemas", "headers")},
        "payload": {"$ref": reference("schemas", topic.message)},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, **BINDING}},
        "examples": [{"name": first, "payload": example["message"]}],
    }


def headers() -> Node:
    """The headers of every record."""
    return {
        "type": "object",
        "required": REQUIRED_HEADERS,
        "properties": {
            name: {"type": "string", "description": text} for name, text in CLOUD_EVENTS.items()
        },
    }


def short(topic: Topic) -> str:
    """The name of the envelope without its package."""
    return topic.message.rpartition(".")[2]


if __name__ == "__main__":
    sys.exit(main())
