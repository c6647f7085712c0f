"""How several addresses come to be one customer, and part again.

A customer lives at one home, and every other address of theirs has a home that forwards to it. Of
two homes the one with the higher id yields, so two links that cross never leave a circle; whoever
is asked and has the lower id asks back. What is yielded travels as a hand-over behind everything
that its old home has said. A link is taken back in the same way: the address returns to its own
home, as a new customer.

Two customers that the tenant's own systems call by different ids are never made one.
"""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.commands import (
    HandOverKind,
    LinkIdentity,
    Linking,
    TakeOver,
    UnlinkIdentity,
    YieldCustomer,
)
from services.intake.core.customers import stranger
from services.intake.core.events import (
    CustomerAdded,
    CustomerReturned,
    CustomerTaken,
    CustomerUpdated,
    CustomerYielded,
    Event,
    HomeRepointed,
    IdentityParted,
    LinkAsked,
)
from services.intake.core.feedback import last_of
from services.intake.core.links import LinkReason, LinkRule
from services.intake.core.model import (
    Conversation,
    Customer,
    Dossier,
    Identity,
    StatedIdentity,
)
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Reason, Rejection

Outcome = tuple[Event, ...] | Rejection


def link_step(dossier: Dossier, command: Linking, now_ms: int, policy: ThreadingPolicy) -> Outcome:
    """One step of a link or of its end."""
    match command:
        case LinkIdentity():
            return link(dossier, command.identity, command.reason, now_ms)
        case YieldCustomer():
            return _asked(dossier, command, now_ms, policy)
        case UnlinkIdentity():
            return _unlink(dossier, command, now_ms)
        case TakeOver():
            return _take_over(dossier, command, now_ms)


def link(dossier: Dossier, identity: StatedIdentity, reason: LinkReason, now_ms: int) -> Outcome:
    """Ask the home of `identity` for its customer; nothing if they are one already."""
    mine = dossier.customer
    if mine is None:
        return Rejection(Reason.CUSTOMER_NOT_FOUND, "no such customer")
    stated_id = identity.address if identity.names_person else ""
    if _are_two(mine.external_id, stated_id):
        return _two_people()
    known = mine.identity(identity.channel, identity.address)
    if known is not None:
        return _vouched(mine, known, identity, now_ms)
    theirs = dossier.neighbours.get(identity.home_id)
    if theirs is not None and _are_two(mine.external_id or stated_id, theirs.external_id):
        return _two_people()
    return (LinkAsked(mine, identity.home_id, identity, reason),)


def _asked(
    dossier: Dossier, command: YieldCustomer, now_ms: int, policy: ThreadingPolicy
) -> Outcome:
    """Yield, or ask back: of the two homes the one with the higher id yields."""
    mine = dossier.customer or _of_address(command, now_ms, policy)
    added = () if dossier.customer else (CustomerAdded(mine),)
    if command.to_home_id in mine.homes:
        return added
    if _are_two(mine.external_id, command.external_id):
        return _two_people()
    if dossier.home_id > command.to_home_id:
        return (*added, CustomerYielded(mine, command.to_home_id, dossier.live, command.reason))
    own = mine.identities[0]
    stated = StatedIdentity(own.channel, own.address, own.home_id, own.verified)
    return (*added, LinkAsked(mine, command.to_home_id, stated, command.reason))


def _take_over(dossier: Dossier, command: TakeOver, now_ms: int) -> Outcome:
    match command.kind:
        case HandOverKind.REPOINT:
            if dossier.yields_to in {"", command.from_home_id}:
                return ()
            return (HomeRepointed(command.from_home_id),)
        case HandOverKind.LINK:
            return _taken(dossier, command, now_ms)
        case HandOverKind.UNLINK | HandOverKind.RETURN:
            return _taken(replace(dossier, customer=None), command, now_ms)


def _taken(dossier: Dossier, command: TakeOver, now_ms: int) -> Outcome:
    """What is handed over, joined with whoever is here; it goes back if they are two people."""
    mine, theirs = dossier.customer, command.customer
    if mine is not None and _are_two(mine.external_id, theirs.external_id):
        return (CustomerReturned(theirs, command.from_home_id, command.conversation_ids),)
    one = _joined(mine, theirs, dossier.home_id, now_ms)
    named = (dossier.referenced.get(each) for each in command.conversation_ids)
    came = tuple(held for held in named if held is not None)
    all_live = came if mine is None else (*came, *dossier.live)
    others = sorted(theirs.homes - {dossier.home_id, command.from_home_id})
    passed_on = tuple(others) if command.kind is HandOverKind.LINK else ()
    taken = CustomerTaken(
        before=mine,
        came=theirs,
        customer=one,
        conversations=tuple(_moved(held, one) for held in all_live),
        previous_ids=tuple(held.customer_id for held in all_live),
        repointed=passed_on,
        reason=command.reason,
        is_link=command.kind is HandOverKind.LINK,
        at_ms=now_ms,
    )
    return (taken,)


def _unlink(dossier: Dossier, command: UnlinkIdentity, now_ms: int) -> Outcome:
    """The address goes back to its own home, as a customer of its own.

    The home's own address stays here, so there it is the customer who leaves, for the other one.
    """
    mine = dossier.customer
    found = mine.identity(command.channel, command.address) if mine else None
    if mine is None or found is None:
        return Rejection(Reason.IDENTITY_NOT_FOUND, "the customer has no such address")
    others = tuple(each for each in mine.identities if each is not found)
    if not others:
        return Rejection(Reason.LAST_IDENTITY, "a customer needs an address")
    fresh = _parted(mine, (found,), command.new_customer_id, found.home_id, now_ms)
    if found.home_id != mine.home_id:
        stays, leaves = _with_identities(mine, others, now_ms), fresh
    elif len({each.home_id for each in others}) == 1:
        stays = fresh
        leaves = replace(_with_identities(mine, others, now_ms), home_id=others[0].home_id)
    else:
        return Rejection(Reason.UNLINK_OTHERS_FIRST, "unlink the customer's other addresses first")
    going = tuple(held for held in dossier.live if _is_at(held, leaves))
    reason = LinkReason.of(LinkRule.API, command.actor)
    return (IdentityParted(mine, stays, leaves, found, going, reason, now_ms),)


def _vouched(
    mine: Customer, known: Identity, stated: StatedIdentity, now_ms: int
) -> tuple[Event, ...]:
    """An address that is theirs already may still be verified by whoever says so now."""
    if known.verified or not stated.verified:
        return ()
    identities = tuple(
        replace(each, verified=True) if each is known else each for each in mine.identities
    )
    return (CustomerUpdated(mine, _with_identities(mine, identities, now_ms), ("identities",)),)


def _joined(mine: Customer | None, theirs: Customer, home_id: str, now_ms: int) -> Customer:
    """One customer of two: known facts win over none, the identified or else older id stays."""
    if mine is None:
        return replace(theirs, home_id=home_id, updated_at_ms=now_ms, version=theirs.version + 1)
    first, second = sorted((mine, theirs), key=_seniority)
    addresses = {(each.channel, each.address): each for each in second.identities}
    addresses |= {(each.channel, each.address): each for each in first.identities}
    own = [each for each in addresses.values() if each.home_id == home_id]
    rest = [each for each in addresses.values() if each.home_id != home_id]
    consents = {each.purpose: each for each in second.consents}
    for each in first.consents:
        if each.purpose not in consents or consents[each.purpose].granted:
            consents[each.purpose] = each  # a "no" to either is a "no" to both
    return replace(
        first,
        home_id=home_id,
        tier=max(first.tier, second.tier, key=lambda tier: tier.rank),
        language=first.language or second.language,
        display_name=first.display_name or second.display_name,
        attributes=tuple(sorted((dict(second.attributes) | dict(first.attributes)).items())),
        identities=(*own, *rest),
        consents=tuple(sorted(consents.values(), key=lambda each: each.purpose)),
        last_feedback=last_of(first.last_feedback, second.last_feedback),
        created_at_ms=min(first.created_at_ms, second.created_at_ms),
        updated_at_ms=now_ms,
        version=max(first.version, second.version) + 1,
    )


def _seniority(customer: Customer) -> tuple[bool, int, str]:
    return (not customer.external_id, customer.created_at_ms, customer.customer_id)


def _moved(conversation: Conversation, customer: Customer) -> Conversation:
    return replace(
        conversation,
        customer_id=customer.customer_id,
        home_id=customer.home_id,
        tier=customer.tier,
        attributes=customer.attributes,
    )


def _parted(
    mine: Customer, identities: tuple[Identity, ...], customer_id: str, home_id: str, now_ms: int
) -> Customer:
    """Whoever has the address from now on: the same rights, none of the other's particulars."""
    return replace(
        mine,
        customer_id=customer_id,
        home_id=home_id,
        identities=tuple(replace(each, linked_at_ms=now_ms) for each in identities),
        display_name="",
        attributes=(),
        last_feedback=None,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        version=1,
    )


def _with_identities(mine: Customer, identities: tuple[Identity, ...], now_ms: int) -> Customer:
    return replace(mine, identities=identities, updated_at_ms=now_ms, version=mine.version + 1)


def _of_address(command: YieldCustomer, now_ms: int, policy: ThreadingPolicy) -> Customer:
    """A customer whom nobody has met: of the address that the link names."""
    stated = command.identity
    added = stranger(
        command.tenant_id,
        command.home_id,
        stated.channel,
        stated.address,
        now_ms=now_ms,
        policy=policy,
    )
    own = replace(added.identities[0], verified=stated.verified)
    return replace(added, identities=(own,))


def _is_at(conversation: Conversation, customer: Customer) -> bool:
    return customer.identity(conversation.channel, conversation.address) is not None


def _are_two(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _two_people() -> Rejection:
    detail = "the two are known by different ids in your own systems"
    return Rejection(Reason.IDENTIFIED_ELSEWHERE, detail)
