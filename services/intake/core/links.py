"""Why two addresses are believed to be one person's, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.intake.core.identity import home_id
from services.intake.core.model import Channel, StatedIdentity


class LinkRule(StrEnum):
    """What says so. The confidences are ours: a link that turns out wrong is taken back."""

    API = "API"  # an agent, or the tenant's own system
    PROVIDER = "PROVIDER"  # the provider names both addresses of its user
    SIGNED_SESSION = "SIGNED_SESSION"  # the tenant's site has signed the visitor's address
    SAME_NUMBER = "SAME_NUMBER"  # one telephone number on two channels
    STATED = "STATED"  # only the sender says so


CONFIDENCE: Final[Mapping[LinkRule, float]] = {
    LinkRule.API: 1.0,
    LinkRule.PROVIDER: 1.0,
    LinkRule.SIGNED_SESSION: 1.0,
    LinkRule.SAME_NUMBER: 0.95,
    LinkRule.STATED: 0.6,
}
TELEPHONE: Final = (Channel.SMS, Channel.VOICE, Channel.WHATSAPP)


@dataclass(frozen=True, slots=True)
class LinkReason:
    """Why two addresses were linked, and by whom."""

    rule: LinkRule
    confidence: float
    actor: str

    @classmethod
    def of(cls, rule: LinkRule, actor: str) -> LinkReason:
        """With the rule's own confidence."""
        return cls(rule, CONFIDENCE[rule], actor)


def siblings(tenant_id: str, channel: Channel, address: str) -> Iterator[StatedIdentity]:
    """The same telephone number on the other channels that numbers are used on."""
    if channel not in TELEPHONE or not address.startswith("+"):
        return
    for other in TELEPHONE:
        if other is not channel:
            home = home_id(tenant_id, other, address)
            yield StatedIdentity(other, address, home, verified=False)
