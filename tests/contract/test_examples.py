"""The golden examples: one of each kind, decoded, and the same after every way there and back."""

from __future__ import annotations

import pytest
from google.protobuf import json_format

from services.chassis.bus import topics
from tests.support import descriptors
from tests.support.examples import FOLDER, Example, example, examples

EVERY = [held for topic in topics.load() for held in examples(topic)]


@pytest.mark.parametrize("topic", topics.load())
def test_every_kind_has_an_example(topic: str) -> None:
    envelope = descriptors.descriptor(topics.load()[topic].message)
    kinds = {field.name for field in descriptors.kinds(envelope)} or {"dead_letter"}

    assert {held.kind for held in examples(topic)} == kinds


def test_no_example_is_left_of_a_topic_that_is_gone() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(topics.load())


@pytest.mark.parametrize("held", EVERY, ids=str)
def test_an_example_survives_the_wire(held: Example) -> None:
    cls = type(held.message)

    assert cls.FromString(held.message.SerializeToString()) == held.message
    assert json_format.Parse(json_format.MessageToJson(held.message), cls()) == held.message


@pytest.mark.parametrize("held", EVERY, ids=str)
def test_an_example_is_of_its_kind_and_has_a_key(held: Example) -> None:
    if "kind" in held.message.DESCRIPTOR.oneofs_by_name:
        assert held.message.WhichOneof("kind") == held.kind
    assert bool(held.key) == (held.kind != "control")  # the engine names a partition, not a key


def test_a_field_that_is_gone_is_an_error() -> None:
    envelope = type(example("sla.inputs.v1", "control").message)()

    with pytest.raises(json_format.ParseError, match="no field named"):
        json_format.ParseDict({"tenant": "default"}, envelope)
