"""The triage table: the first rule whose conditions all hold says what a conversation needs."""

from __future__ import annotations

from dataclasses import dataclass

from immutables import Map

from services.routing.core.kinds import Channel, Tier
from services.routing.core.policies import Condition, RoutingPolicy, Rule
from services.routing.core.work import Requirement

_ATTRIBUTE = "attribute."
UNPLACED = "default"  # the name that is noted where no rule matched


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as its latest event describes it."""

    tenant_id: str
    conversation_id: str
    customer_id: str
    home_id: str
    channel: Channel
    tier: Tier
    language: str = ""
    pool_hint: str = ""
    tags: tuple[str, ...] = ()
    attributes: Map[str, str] = Map()

    def values(self, field: str) -> tuple[str, ...]:
        """The values of a field that conditions may name; none where it is unset or unknown."""
        if field.startswith(_ATTRIBUTE):
            value = self.attributes.get(field.removeprefix(_ATTRIBUTE), "")
        elif field == "tag":
            return self.tags
        else:
            value = {
                "channel": self.channel.value,
                "tier": self.tier.value,
                "language": primary_subtag(self.language),
                "pool_hint": self.pool_hint,
            }.get(field, "")
        return (value,) if value else ()


@dataclass(frozen=True, slots=True)
class Placement:
    """What a conversation needs, and the rule that says so. `facts` is all the rules looked at."""

    rule: str
    requirement: Requirement
    priority: int
    policy_version: int
    facts: tuple[tuple[str, tuple[str, ...]], ...]


def place(policy: RoutingPolicy, conversation: Conversation) -> Placement:
    """Apply the table. Pure: the same version and the same facts give the same placement."""
    rule = next((r for r in policy.rules if _matches(r, conversation)), Rule(UNPLACED))
    requirement = Requirement(
        pool=rule.pool or conversation.pool_hint or policy.default_pool,
        channel=conversation.channel,
        language=primary_subtag(conversation.language),
        skills=tuple(sorted(rule.skills)),
        level=rule.level,
    )
    asked = {condition.field for each in policy.rules for condition in each.conditions}
    fields = sorted(asked | {"channel", "tier", "language", "pool_hint"})
    facts = tuple((field, conversation.values(field)) for field in fields)
    return Placement(rule.name, requirement, rule.priority, policy.version, facts)


def primary_subtag(language: str) -> str:
    """`pt` of `pt-BR`: who speaks one speaks the other well enough to be asked."""
    return language.replace("_", "-").partition("-")[0].lower()


def _matches(rule: Rule, conversation: Conversation) -> bool:
    return all(_holds(condition, conversation) for condition in rule.conditions)


def _holds(condition: Condition, conversation: Conversation) -> bool:
    has_one = any(value in condition.values for value in conversation.values(condition.field))
    return has_one is not condition.negate
