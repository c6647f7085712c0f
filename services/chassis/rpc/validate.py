"""What each request must keep to, its protovalidate rules above all, as field violations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import protovalidate
from google.protobuf.message import Message

from services.chassis.rpc.errors import InvalidArgument, Violation

VIOLATIONS_MAX: Final = 20


def check(message: Message) -> None:
    """Raise InvalidArgument that names every field at fault; never its value."""
    violations = [_violation(item.proto) for item in protovalidate.collect_violations(message)]
    if b"\0" in message.SerializeToString():  # as a rule there is none, and nothing to look for
        violations += [
            Violation(path, "holds a NUL character", "string.nul")
            for path, text in _texts("", message)
            if "\0" in text
        ]
    if violations:
        raise InvalidArgument(
            "; ".join(f"{item.field}: {item.description}" for item in violations[:VIOLATIONS_MAX]),
            violations=violations[:VIOLATIONS_MAX],
        )


def _texts(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Every string in a message, with the path of its field: no table holds one with a NUL."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Message):
        for field, inner in value.ListFields():
            yield from _texts(f"{path}.{field.name}" if path else field.name, inner)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(f"{path}[key]", key)
            yield from _texts(f"{path}[{key}]", inner)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for index, inner in enumerate(value):
            yield from _texts(f"{path}[{index}]", inner)


def _violation(proto: Any) -> Violation:
    elements = proto.field.elements if proto.field else ()
    path = ".".join(_element(item) for item in elements)
    return Violation(field=path, description=proto.message or proto.rule_id, rule=proto.rule_id)


def _element(element: Any) -> str:
    subscript = element.subscript
    return f"{element.field_name}[{subscript.value}]" if subscript else str(element.field_name)
