"""An account: one configured endpoint of a channel, as the doors and the delivery use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.intake.core.model import Channel


class IfUnseen(StrEnum):
    """What becomes of an outbound message whose fate stays unknown."""

    HOLD = "HOLD"
    FAIL = "FAIL"
    ASSUME_SENT = "ASSUME_SENT"


@dataclass(frozen=True, slots=True)
class Account:
    """One endpoint with its live secrets: by name, the current version first, older ones after."""

    account_id: str
    tenant_id: str
    channel: Channel
    provider: str
    address: str
    display_name: str
    enabled: bool
    language: str
    pool_hint: str
    tags: tuple[str, ...]
    if_unseen: IfUnseen
    settings: Mapping[str, str]
    created_at_ms: int
    updated_at_ms: int
    version: int
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def keys(self, name: str) -> tuple[str, ...]:
        """The versions of a secret that still verify; empty where none is set."""
        return self.secrets.get(name, ())

    def key(self, name: str) -> str:
        """The current version of a secret; empty where none is set."""
        return next(iter(self.keys(name)), "")
