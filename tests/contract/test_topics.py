"""The topic registry: complete, consistent with the messages, honest about personal data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from switchboard.engine.v1.control_pb2 import Control

from protos import asyncapi, compiler
from protos.schemas import Catalogue
from services.chassis.bus import topics
from services.chassis.bus.topics import Topic
from tests.support import descriptors

SERVICES = {"intake", "routing", "sla", "feedback", "insights", "console"}
MAILBOXES = (
    "intake.inputs.v1",
    "intake.outbound.v1",
    "routing.inputs.v1",
    "routing.triage.inputs.v1",
    "sla.inputs.v1",
    "feedback.inputs.v1",
)
EVENTS = (
    "intake.conversations.v1",
    "routing.events.v1",
    "sla.events.v1",
    "feedback.events.v1",
    "insights.windows.v1",
)
DEAD = tuple(f"{service}.dlq.v1" for service in sorted(SERVICES - {"console"}))
PERSONAL_DAYS_MAX = 7  # topics that carry bodies keep them no longer
EVERY = pytest.mark.parametrize("topic", topics.load().values(), ids=lambda topic: topic.topic)


@cache
def known() -> Catalogue:
    return asyncapi.catalogue()


def envelope(topic: Topic) -> Descriptor:
    return descriptors.descriptor(topic.message)


def personal(message: Descriptor, prefix: str = "") -> Iterator[str]:
    """Paths of the fields whose comment says that they are personal."""
    for field in message.fields:
        inside = field.message_type
        if inside is None or inside.GetOptions().map_entry:
            comment = known().comment(message.full_name, field.name)
            if "PII" in comment or "personal data" in comment:
                yield prefix + field.name
        elif not inside.full_name.startswith("google."):
            yield from personal(inside, f"{prefix}{field.name}.")


def at(message: Descriptor, path: str) -> FieldDescriptor:
    """The field at a path. Raises `KeyError`."""
    first, _, rest = path.partition(".")
    field = message.fields_by_name[first]
    if not rest:
        return field
    assert field.message_type is not None, f"{path} goes into a scalar"
    return at(field.message_type, rest)


def test_every_topic_of_the_design_is_there() -> None:
    assert set(topics.load()) == {*MAILBOXES, *EVENTS, *DEAD}


@EVERY
def test_an_entry_names_those_it_concerns(topic: Topic) -> None:
    parts = {part.partition(".")[0] for part in topic.producers + topic.consumers}

    assert topic.owner == topic.topic.partition(".")[0]
    assert topic.owner in SERVICES
    assert topic.producers
    assert topic.consumers
    assert parts <= SERVICES | {"local"}
    assert topic.description
    assert topic.key


@EVERY
def test_only_the_owner_reads_a_mailbox_and_only_the_owner_writes_events(topic: Topic) -> None:
    writers = {part.partition(".")[0] for part in topic.producers}
    readers = {part.partition(".")[0] for part in topic.consumers}

    if topic.topic in MAILBOXES:
        assert readers == {topic.owner}
        assert len(topic.consumers) == 1
    else:
        assert writers == {topic.owner}


@EVERY
def test_what_cannot_be_read_has_a_place_to_go(topic: Topic) -> None:
    processors = {part for part in topic.consumers if not part.endswith((".api", ".dlq"))}

    assert (topic.dlq is not None) == bool(processors)
    assert topic.dlq in {None, f"{topic.owner}.dlq.v1"}
    assert topic.dlq is None or topic.dlq in topics.load()


@EVERY
def test_time_enters_through_the_log(topic: Topic) -> None:
    assert topic.settings(replicas=1)["message.timestamp.type"] == "LogAppendTime"
    assert topic.partitions == "default"  # what is read together must have one count


@EVERY
def test_personal_fields_are_named_and_forgotten(topic: Topic) -> None:
    assert topic.pii == tuple(sorted(personal(envelope(topic))))
    assert all(at(envelope(topic), path) for path in topic.pii)
    if topic.pii:
        assert topic.retention_days <= PERSONAL_DAYS_MAX


@pytest.mark.parametrize("name", MAILBOXES)
def test_a_mailbox_takes_the_engine_s_instructions(name: str) -> None:
    control = envelope(topics.load()[name]).fields_by_name["control"]

    assert control.number == 15
    assert control.message_type is Control.DESCRIPTOR
    assert control in descriptors.kinds(envelope(topics.load()[name]))


@pytest.mark.parametrize("name", [*MAILBOXES, *EVENTS])
def test_envelopes_keep_low_numbers_for_what_all_kinds_share(name: str) -> None:
    message = envelope(topics.load()[name])
    kinds = descriptors.kinds(message)

    assert kinds
    assert {field.number >= 15 for field in kinds} == {True}
    assert {field.number < 15 for field in set(message.fields) - set(kinds)} == {True}
    assert all(field.message_type is not None for field in kinds)


def test_a_malformed_entry_names_its_fields() -> None:
    with pytest.raises(topics.RegistryError, match=r"x\.yaml: .*owner.*retention_days"):
        topics.parse("x.yaml", "topic: x\nretention_days: long\n")


def test_an_entry_bears_the_name_of_its_file() -> None:
    file = (compiler.ROOT / "topics" / "sla.events.v1.yaml").read_text(encoding="utf-8")

    with pytest.raises(topics.RegistryError, match=r"describes sla\.events\.v1"):
        topics.parse("sla.happenings.v1.yaml", file)


def test_writes_survive_one_broker_where_there_are_three() -> None:
    topic = topics.load()["intake.inputs.v1"]

    assert topic.settings(replicas=3)["min.insync.replicas"] == "2"
    assert topic.settings(replicas=1)["min.insync.replicas"] == "1"
    assert topic.settings(replicas=3)["retention.ms"] == str(7 * 24 * 60 * 60 * 1000)
    assert topic.partition_count(8) == 8
