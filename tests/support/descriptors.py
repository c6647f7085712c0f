"""Every message and service of the contracts, read off the generated code."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

import switchboard
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import (
    Descriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass


@cache
def files() -> tuple[FileDescriptor, ...]:
    """Every generated file; imports them all, so that the pool knows every message."""
    modules = pkgutil.walk_packages(switchboard.__path__, "switchboard.")
    names = [module.name for module in modules if module.name.endswith("_pb2")]
    return tuple(importlib.import_module(name).DESCRIPTOR for name in names)


def services() -> Iterator[ServiceDescriptor]:
    """Every gRPC service."""
    for file in files():
        yield from file.services_by_name.values()


def methods() -> Iterator[MethodDescriptor]:
    """Every RPC."""
    for service in services():
        yield from service.methods


def message(full_name: str) -> type[Message]:
    """The class of a message. Raises `KeyError`."""
    return GetMessageClass(descriptor(full_name))


def descriptor(full_name: str) -> Descriptor:
    """The descriptor of a message. Raises `KeyError`."""
    files()
    return descriptor_pool.Default().FindMessageTypeByName(full_name)


def kinds(envelope: Descriptor) -> tuple[FieldDescriptor, ...]:
    """The members of an envelope's `kind`; none where it has no such oneof, as a dead letter."""
    oneof = envelope.oneofs_by_name.get("kind")
    return tuple(oneof.fields) if oneof else ()
