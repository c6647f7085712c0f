"""The protovalidate rules of each request, as field violations."""

from __future__ import annotations

from typing import Any, Final

import protovalidate
from google.protobuf.message import Message

from services.chassis.rpc.errors import InvalidArgument, Violation

VIOLATIONS_MAX: Final = 20


def check(message: Message) -> None:
    """Raise InvalidArgument that names every field at fault; never its value."""
    if found := protovalidate.collect_violations(message):
        violations = [_violation(item.proto) for item in found[:VIOLATIONS_MAX]]
        raise InvalidArgument(
            "; ".join(f"{item.field}: {item.description}" for item in violations),
            violations=violations,
        )


def _violation(proto: Any) -> Violation:
    elements = proto.field.elements if proto.field else ()
    path = ".".join(_element(item) for item in elements)
    return Violation(field=path, description=proto.message or proto.rule_id, rule=proto.rule_id)


def _element(element: Any) -> str:
    subscript = element.subscript
    return f"{element.field_name}[{subscript.value}]" if subscript else str(element.field_name)
