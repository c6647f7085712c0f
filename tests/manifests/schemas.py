"""Judges a rendered object: Kubernetes' own schemas, strictly, or ours of a custom resource."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.34"
CUSTOM = Path(__file__).with_name("custom_resources.yaml")
METADATA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


@cache
def custom_schemas() -> Mapping[str, Mapping[str, Any]]:
    """Give our schema of each custom resource by `<group>/<version>/<kind>`."""
    read: dict[str, dict[str, Any]] = yaml.safe_load(CUSTOM.read_text())
    for schema in read.values():
        schema |= {"type": "object", "additionalProperties": False}
        schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": METADATA}
    return read


def check(thing: Mapping[str, Any]) -> None:
    """Pass where the object is valid, unknown fields counted as wrong.

    Raises:
        jsonschema.ValidationError: it isn't; the text names the place.
    """
    name = f"{thing['apiVersion']}/{thing['kind']}"
    if name in custom_schemas():
        jsonschema.validate(thing, custom_schemas()[name])
    else:
        kubernetes_validate.validate(thing, KUBERNETES, strict=True)
