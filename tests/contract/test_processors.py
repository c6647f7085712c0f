"""What processors read is what the registry says they read: the same topics, the same messages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from google.protobuf.message import Message

import services
from services.chassis.bus import topics

ENGINE = ("name", "layout", "mailbox", "topics", "tables", "handle", "fire")


def processors() -> Iterator[type[Any]]:
    """Every class of a service's shell that has what the engine asks of a processor."""
    for package in pkgutil.iter_modules(services.__path__, "services."):
        shell = [f"{path}/shell" for path in importlib.import_module(package.name).__path__]
        for module in pkgutil.walk_packages(shell, f"{package.name}.shell."):
            if "consumers" in module.name.split("."):
                found = vars(importlib.import_module(module.name)).values()
                yield from (
                    each
                    for each in found
                    if isinstance(each, type)
                    and each.__module__ == module.name
                    and all(hasattr(each, attribute) for attribute in ENGINE)
                )


FOUND = {each.name: each for each in processors()}


def reads(processor: str) -> dict[str, str]:
    """What the registry lets the processor read: topic to message."""
    return {
        topic.topic: topic.message
        for topic in topics.load().values()
        if processor in topic.consumers
    }


@pytest.mark.parametrize("name", sorted(FOUND))
def test_a_processor_reads_what_the_registry_says(name: str) -> None:
    read: Mapping[str, type[Message]] = FOUND[name].topics

    assert {topic: cls.DESCRIPTOR.full_name for topic, cls in read.items()} == reads(name)


@pytest.mark.parametrize("name", sorted(FOUND))
def test_a_mailbox_is_read_by_its_processor_alone(name: str) -> None:
    mailbox = topics.load()[FOUND[name].mailbox]

    assert mailbox.consumers == (name,)
    assert FOUND[name].mailbox in FOUND[name].topics


def test_the_registry_knows_no_reader_that_is_not_there() -> None:
    """`insights.windows` is a stock Faust application, no processor of the engine."""
    services_found = {name.partition(".")[0] for name in FOUND}
    named = {reader for topic in topics.load().values() for reader in topic.consumers}
    processors_named = {
        reader
        for reader in named
        if reader.partition(".")[0] in services_found and not reader.endswith((".api", ".windows"))
    }

    assert {"intake", "sla"} <= services_found
    assert processors_named == FOUND.keys()
