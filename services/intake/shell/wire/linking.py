"""Links of addresses and hand-overs of customers, between the homes of the threader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from switchboard.intake.v1 import commands_pb2

from services.intake.core.commands import (
    Command,
    HandOverKind,
    LinkIdentity,
    TakeOver,
    UnlinkIdentity,
    YieldCustomer,
)
from services.intake.core.events import (
    CustomerReturned,
    CustomerTaken,
    CustomerYielded,
    IdentityParted,
    LinkAsked,
)
from services.intake.core.links import LinkReason, LinkRule
from services.intake.core.model import Customer
from services.intake.shell.wire import names, nouns

HOPS_MAX = 16
"""A customer who is linked and moved so often was moved in a circle."""

KINDS = names.Names(commands_pb2.HandOverKind, HandOverKind, "HAND_OVER_KIND")
NewId = Callable[[], str]


def link_identity(said: commands_pb2.IntakeInput, _now_ms: int, _: NewId) -> Command:
    """A link that somebody asks for."""
    asked = said.link_identity
    return LinkIdentity(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        identity=nouns.stated_identity_of(asked.identity),
        reason=_reason_of(asked.reason),
    )


def unlink_identity(said: commands_pb2.IntakeInput, _now_ms: int, new_id: NewId) -> Command:
    """The end of one."""
    asked = said.unlink_identity
    return UnlinkIdentity(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        channel=names.CHANNELS.required(asked.identity.channel),
        address=asked.identity.address,
        new_customer_id=new_id(),
        actor=said.actor,
    )


def yield_customer(said: commands_pb2.IntakeInput, _now_ms: int, _: NewId) -> Command:
    """Another home asks."""
    asked = said.yield_customer
    return YieldCustomer(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        to_home_id=asked.to_home_id,
        customer_id=asked.customer_id,
        external_id=asked.external_id,
        identity=nouns.stated_identity_of(asked.identity),
        reason=_reason_of(asked.reason),
    )


def take_over(said: commands_pb2.IntakeInput, _now_ms: int, _: NewId) -> Command:
    """Another home gives."""
    given = said.hand_over
    return TakeOver(
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        from_home_id=given.from_home_id,
        kind=KINDS.required(given.kind),
        customer=nouns.customer_of(given.customer),
        conversation_ids=tuple(given.conversation_ids),
        reason=_reason_of(given.reason),
    )


def stated(link: LinkIdentity, *, received_at_ms: int) -> commands_pb2.IntakeInput:
    """A link that a provider states, as an edge publishes it."""
    return commands_pb2.IntakeInput(
        tenant_id=link.tenant_id,
        received_at_ms=received_at_ms,
        actor=link.reason.actor,
        home_id=link.home_id,
        link_identity=commands_pb2.LinkIdentity(
            identity=nouns.stated_identity(link.identity), reason=_reason(link.reason)
        ),
    )


def asked(event: LinkAsked) -> commands_pb2.IntakeInput:
    """To the home that shall yield, or ask back."""
    mine = event.customer
    said = _to(event.home_id, mine.tenant_id)
    said.yield_customer.CopyFrom(
        commands_pb2.YieldCustomer(
            to_home_id=mine.home_id,
            customer_id=mine.customer_id,
            external_id=mine.external_id,
            identity=nouns.stated_identity(event.identity),
            reason=_reason(event.reason),
        )
    )
    return said


def handed_over(
    event: CustomerYielded | CustomerReturned | IdentityParted,
) -> commands_pb2.IntakeInput:
    """To the home that takes."""
    match event:
        case CustomerYielded():
            ids = [each.conversation_id for each in event.conversations]
            return _hand_over(
                event.customer,
                HandOverKind.LINK,
                event.to_home_id,
                event.customer.home_id,
                ids,
                event.reason,
            )
        case CustomerReturned():
            reason = LinkReason.of(LinkRule.API, "service/intake")
            return _hand_over(
                event.customer,
                HandOverKind.RETURN,
                event.to_home_id,
                event.customer.home_id,
                event.conversation_ids,
                reason,
            )
        case IdentityParted():
            ids = [each.conversation_id for each in event.conversations]
            return _hand_over(
                event.leaves,
                HandOverKind.UNLINK,
                event.leaves.home_id,
                event.before.home_id,
                ids,
                event.reason,
            )


def repointed(event: CustomerTaken, home_id: str) -> commands_pb2.IntakeInput:
    """To a home that yielded to the one that has yielded now."""
    one = event.customer
    return _hand_over(one, HandOverKind.REPOINT, home_id, one.home_id, (), event.reason)


def set_free(erased: Customer, home_id: str) -> commands_pb2.IntakeInput:
    """To a home whose customer was erased at another: whoever comes there now is somebody new."""
    own = tuple(each for each in erased.identities if each.home_id == home_id)
    bare = replace(erased, customer_id=home_id, home_id=home_id, identities=own)
    reason = LinkReason.of(LinkRule.API, "service/intake")
    return _hand_over(bare, HandOverKind.UNLINK, home_id, erased.home_id, (), reason)


def forwarded(
    said: commands_pb2.IntakeInput, *, to_home_id: str, from_home_id: str, conversation_id: str = ""
) -> commands_pb2.IntakeInput:
    """An input for the home that has its customer. Raises `ValueError` for one that goes round."""
    first, hops = said, 0
    if said.HasField("forward"):
        first = commands_pb2.IntakeInput.FromString(said.forward.envelope)
        hops = said.forward.hops
        conversation_id = conversation_id or said.forward.conversation_id
    if hops == HOPS_MAX:
        raise ValueError(f"forwarded {HOPS_MAX} times")
    passed = _to(to_home_id, said.tenant_id)
    passed.actor = said.actor
    passed.occurred_at_ms = said.occurred_at_ms
    passed.received_at_ms = said.received_at_ms
    passed.forward.CopyFrom(
        commands_pb2.Forward(
            envelope=first.SerializeToString(deterministic=True),
            from_home_id=from_home_id,
            hops=hops + 1,
            conversation_id=conversation_id,
        )
    )
    return passed


def _to(home_id: str, tenant_id: str) -> commands_pb2.IntakeInput:
    return commands_pb2.IntakeInput(tenant_id=tenant_id, actor="service/intake", home_id=home_id)


def _hand_over(
    customer: Customer,
    kind: HandOverKind,
    to_home_id: str,
    from_home_id: str,
    conversation_ids: Iterable[str],
    reason: LinkReason,
) -> commands_pb2.IntakeInput:
    said = _to(to_home_id, customer.tenant_id)
    said.hand_over.CopyFrom(
        commands_pb2.HandOver(
            from_home_id=from_home_id,
            customer=nouns.customer(customer),
            conversation_ids=conversation_ids,
            reason=_reason(reason),
            kind=KINDS.to_wire(kind),
        )
    )
    return said


def _reason(reason: LinkReason) -> commands_pb2.LinkReason:
    return commands_pb2.LinkReason(
        rule=reason.rule.lower(), confidence=reason.confidence, actor=reason.actor
    )


def _reason_of(said: commands_pb2.LinkReason) -> LinkReason:
    return LinkReason(LinkRule(said.rule.upper()), said.confidence, said.actor)
