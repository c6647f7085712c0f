"""Ids for shells: request ids, sessions. Processors take deterministic ids from the engine."""

from __future__ import annotations

import uuid


def new_id() -> str:
    """A random UUID (version 4): 122 random bits, fit for an id, not for a secret."""
    return str(uuid.uuid4())
