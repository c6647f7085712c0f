"""JSON Schemas of our messages in protobuf's JSON form, with the comments of the sources.

Field names are those of the sources; protobuf's JSON parsers take them as well as camel case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    SourceCodeInfo,
)

Schema = dict[str, Any]

_MESSAGES_OF_FILE, _ENUMS_OF_FILE = 4, 5  # field numbers that paths of SourceCodeInfo are made of
_FIELDS, _NESTED, _VALUES = 2, 3, 2

_WELL_KNOWN: Final[dict[str, Schema]] = {
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.FieldMask": {"type": "string"},
}
_SCALARS: Final[dict[int, Schema]] = {
    FieldDescriptorProto.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_STRING: {"type": "string"},
    FieldDescriptorProto.TYPE_BYTES: {"type": "string", "format": "byte"},
    FieldDescriptorProto.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptorProto.TYPE_INT64: {"type": "string", "format": "int64"},
}


class Catalogue:
    """All messages and enums of an image, by full name, with their comments."""

    def __init__(self, image: FileDescriptorSet) -> None:
        self._messages: dict[str, DescriptorProto] = {}
        self._enums: dict[str, EnumDescriptorProto] = {}
        self._comments: dict[tuple[str, ...], str] = {}
        for file in image.file:
            self._add_file(file)

    def message(self, name: str) -> DescriptorProto:
        """The message `name`. Raises `KeyError`."""
        return self._messages[name]

    def comment(self, *path: str) -> str:
        """The comment of a type, or of a field or value of it; empty if it has none."""
        return self._comments.get(path, "")

    def closure(self, name: str) -> Iterator[str]:
        """`name` and all message types reached from it, each once, maps and Google's left out."""
        seen, waiting = set[str](), [name]
        while waiting:
            current = waiting.pop()
            if current in seen or current in _WELL_KNOWN:
                continue
            seen.add(current)
            if not self._messages[current].options.map_entry:
                yield current
            waiting += (_type(field) for field in self._messages[current].field if _nested(field))

    def schema(self, name: str) -> Schema:
        """The schema of a message; types inside are references."""
        message = self._messages[name]
        properties = {field.name: self._property(name, field) for field in message.field}
        schema: Schema = {"type": "object", "description": self.comment(name)}
        if properties:
            schema["properties"] = properties
        for index, _oneof in enumerate(message.oneof_decl):
            members = [f for f in message.field if f.HasField("oneof_index")]
            names = [f.name for f in members if f.oneof_index == index and not f.proto3_optional]
            if names:
                schema["oneOf"] = [{"required": [name]} for name in names]
        return schema

    def _property(self, message: str, field: FieldDescriptorProto) -> Schema:
        schema = self._described(message, field, self._single(field))
        if field.label != FieldDescriptorProto.LABEL_REPEATED:
            return schema
        if (entry := self._messages.get(_type(field))) and entry.options.map_entry:
            values = self._single(entry.field[1])
            return self._described(
                message, field, {"type": "object", "additionalProperties": values}
            )
        return self._described(message, field, {"type": "array", "items": self._single(field)})

    def _described(self, message: str, field: FieldDescriptorProto, schema: Schema) -> Schema:
        if "$ref" in schema:  # whatever stands beside a reference is ignored
            return schema
        return schema | {"description": self.comment(message, field.name)}

    def _single(self, field: FieldDescriptorProto) -> Schema:
        if field.type == FieldDescriptorProto.TYPE_ENUM:
            enum = self._enums[_type(field)]
            return {"type": "string", "enum": [value.name for value in enum.value]}
        if _nested(field):
            return _WELL_KNOWN.get(_type(field)) or {"$ref": reference("schemas", _type(field))}
        return dict(_SCALARS[field.type])  # a copy: YAML would write a shared one as an alias

    def _add_file(self, file: FileDescriptorProto) -> None:
        comments = {tuple(at.path): at for at in file.source_code_info.location}
        for index, message in enumerate(file.message_type):
            path = (_MESSAGES_OF_FILE, index)
            self._add_message(f"{file.package}.{message.name}", message, path, comments)
        for index, enum in enumerate(file.enum_type):
            name = f"{file.package}.{enum.name}"
            self._enums[name] = enum
            self._note((_ENUMS_OF_FILE, index), comments, name)
            for number, value in enumerate(enum.value):
                self._note((_ENUMS_OF_FILE, index, _VALUES, number), comments, name, value.name)

    def _add_message(
        self,
        name: str,
        message: DescriptorProto,
        path: tuple[int, ...],
        comments: dict[tuple[int, ...], SourceCodeInfo.Location],
    ) -> None:
        self._messages[name] = message
        self._note(path, comments, name)
        for index, field in enumerate(message.field):
            self._note((*path, _FIELDS, index), comments, name, field.name)
        for index, nested in enumerate(message.nested_type):
            self._add_message(f"{name}.{nested.name}", nested, (*path, _NESTED, index), comments)

    def _note(
        self,
        path: tuple[int, ...],
        comments: dict[tuple[int, ...], SourceCodeInfo.Location],
        *name: str,
    ) -> None:
        if path in comments:
            self._comments[name] = " ".join(comments[path].leading_comments.split())


def reference(kind: str, name: str) -> str:
    """The JSON pointer of a component."""
    return f"#/components/{kind}/{name}"


def _nested(field: FieldDescriptorProto) -> bool:
    return field.type == FieldDescriptorProto.TYPE_MESSAGE


def _type(field: FieldDescriptorProto) -> str:
    return field.type_name.removeprefix(".")
