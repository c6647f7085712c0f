"""The topics that routing reads and writes, and their keys."""

from __future__ import annotations

from typing import Final

CONVERSATIONS: Final = "intake.conversations.v1"
TRIAGE_INPUTS: Final = "routing.triage.inputs.v1"
INPUTS: Final = "routing.inputs.v1"
EVENTS: Final = "routing.events.v1"

DEFAULT_DOMAIN: Final = "default"


def domain_key(tenant_id: str, domain_id: str) -> str:
    """The key of everything that concerns a domain: all of it in one order."""
    return f"{tenant_id}/{domain_id or DEFAULT_DOMAIN}"
