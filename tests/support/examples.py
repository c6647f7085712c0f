"""The golden examples of the topics: `protos/examples/<topic>/<kind>.json`, with their keys.

A producer's test shows that it writes what an example holds, a consumer's that it reads it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import Message

from services.chassis.bus import topics
from tests.support import descriptors

FOLDER = Path(__file__).resolve().parents[2] / "protos" / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """One record's key and value."""

    topic: str
    kind: str
    key: str
    message: Message

    def __str__(self) -> str:
        """The test's name."""
        return f"{self.topic}/{self.kind}"


def example(topic: str, kind: str) -> Example:
    """The example of one kind. A field that its message does not have raises `ParseError`."""
    held = json.loads((FOLDER / topic / f"{kind}.json").read_text(encoding="utf-8"))
    envelope = descriptors.message(topics.load()[topic].message)()
    return Example(topic, kind, held["key"], json_format.ParseDict(held["message"], envelope))


def examples(topic: str) -> list[Example]:
    """All examples of a topic, by kind."""
    return [example(topic, path.stem) for path in sorted((FOLDER / topic).glob("*.json"))]
