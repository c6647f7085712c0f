"""Small JSON files that are whole or absent, never half written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

PRIVATE = 0o600


def read_json(path: Path) -> dict[str, Any]:
    """Give the object in the file, empty where there is no file."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return found


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace the file by one rename; only its owner may read it."""
    write_private(path, json.dumps(value, indent=2).encode() + b"\n")


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by one rename; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.replace(path)
