"""Who a customer is: a stranger at first, then whatever has been stated of them."""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.cards import masked
from services.intake.core.commands import (
    EraseCustomer,
    NoteFeedback,
    ReceiveMessage,
    SetConsent,
    Statement,
    UpsertCustomer,
)
from services.intake.core.events import CustomerAdded, CustomerErased, CustomerUpdated, Event
from services.intake.core.feedback import last_of
from services.intake.core.keywords import Keyword, keyword
from services.intake.core.model import Channel, Customer, Dossier, Identity
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.refusals import Reason, Rejection


def state(
    dossier: Dossier, command: Statement, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...] | Rejection:
    """What somebody states of a customer."""
    match command:
        case UpsertCustomer():
            return upsert(dossier, command, now_ms, policy)
        case SetConsent():
            return set_consent(dossier, command, now_ms)
        case NoteFeedback():
            return note_feedback(dossier, command, now_ms)
        case EraseCustomer():
            return erase(dossier, command, now_ms)


def upsert(
    dossier: Dossier, command: UpsertCustomer, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...]:
    """The customer as stated; nothing where that is known already."""
    known = met(dossier) or stranger(
        command.tenant_id,
        command.home_id,
        command.channel,
        command.address,
        now_ms=now_ms,
        policy=policy,
    )
    stated = replace(
        known,
        tier=known.tier if command.tier is None else command.tier,
        language=known.language if command.language is None else command.language,
        display_name=known.display_name if command.display_name is None else command.display_name,
        attributes=known.attributes if command.attributes is None else command.attributes,
    )
    return _said(dossier, stated, now_ms)


def introduced(
    dossier: Dossier, command: ReceiveMessage, now_ms: int, policy: ThreadingPolicy
) -> tuple[Event, ...]:
    """What a message tells about its sender: all of a stranger; of others, what programs state.

    A name or language that comes with a message never overwrites one that is known: providers hand
    on whatever the sender typed into a profile. Until a language is known, it is empty.
    """
    detected = command.detected_language if command.automatic is None else ""
    known = met(dossier) or stranger(
        command.tenant_id,
        command.home_id,
        command.channel,
        command.from_address,
        now_ms=now_ms,
        policy=policy,
    )
    stated = replace(
        known,
        tier=known.tier if command.tier is None else command.tier,
        language=known.language or command.language or detected,
        display_name=known.display_name or command.from_name,
        attributes=tuple(sorted((dict(known.attributes) | dict(command.attributes)).items())),
        identities=_heeding(known, command),
    )
    return _said(dossier, stated, now_ms)


def met(dossier: Dossier) -> Customer | None:
    """The customer, if anything is known of them: whoever comes after an erasure is new to us."""
    known = dossier.customer
    return None if known is None or known.erased else known


def _heeding(known: Customer, command: ReceiveMessage) -> tuple[Identity, ...]:
    """Addresses after a keyword: STOP holds for the address that it came from, until START."""
    word = keyword(command.channel, command.text)
    if word is None or word is Keyword.HELP:
        return known.identities
    at = known.identity(command.channel, command.from_address)
    until_ms = command.occurred_at_ms if word is Keyword.STOP else 0
    return tuple(
        replace(each, opted_out_at_ms=until_ms) if each is at else each for each in known.identities
    )


def set_consent(
    dossier: Dossier, command: SetConsent, now_ms: int
) -> tuple[Event, ...] | Rejection:
    """What the customer allows from now on; nothing where that is known already."""
    known = dossier.customer
    if known is None:
        return Rejection(Reason.CUSTOMER_NOT_FOUND, "no such customer")
    decisions = {each.purpose: each for each in known.consents}
    before, decided = decisions.get(command.consent.purpose), command.consent
    if before is not None and (before.granted, before.source) == (decided.granted, decided.source):
        return ()
    decisions[decided.purpose] = replace(decided, changed_at_ms=now_ms)
    in_order = tuple(sorted(decisions.values(), key=lambda each: each.purpose))
    return _said(dossier, replace(known, consents=in_order), now_ms)


def note_feedback(
    dossier: Dossier, command: NoteFeedback, now_ms: int
) -> tuple[Event, ...] | Rejection:
    """The customer's last answer, if no later one is known; cards in its comment are masked.

    Whoever has come since the answer has not given it: the one who did was erased, or has lost
    the address.
    """
    known, given = dossier.customer, command.feedback
    if known is None or known.tenant_id != command.tenant_id:
        return Rejection(Reason.CUSTOMER_NOT_FOUND, "no such customer")
    if known.erased or known.created_at_ms > given.answered_at_ms:
        return Rejection(Reason.CUSTOMER_ERASED, "whoever answered is not known any more")
    given = replace(given, comment=masked(given.comment))
    return _said(dossier, replace(known, last_feedback=last_of(known.last_feedback, given)), now_ms)


def erase(dossier: Dossier, command: EraseCustomer, now_ms: int) -> tuple[Event, ...] | Rejection:
    """Nothing but ids is left of them. Their conversations are closed, since nobody can answer."""
    known = dossier.customer
    if known is None:
        return Rejection(Reason.CUSTOMER_NOT_FOUND, "no such customer")
    if known.erased:
        return ()
    bare = tuple(replace(each, address="", verified=False) for each in known.identities)
    left = replace(
        known,
        language="",
        display_name="",
        identities=bare,
        attributes=(),
        consents=(),
        erased=True,
        last_feedback=None,
        updated_at_ms=now_ms,
        version=known.version + 1,
    )
    return (CustomerErased(left, dossier.live, command.reason, now_ms),)


def stranger(
    tenant_id: str,
    home_id: str,
    channel: Channel,
    address: str,
    *,
    now_ms: int,
    policy: ThreadingPolicy,
) -> Customer:
    """A customer of whom only an address is known; its home is the customer's id."""
    return Customer(
        customer_id=home_id,
        tenant_id=tenant_id,
        home_id=home_id,
        tier=policy.default_tier,
        language="",
        display_name="",
        identities=(Identity(channel, address, home_id, linked_at_ms=now_ms),),
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
    )


def _said(dossier: Dossier, stated: Customer, now_ms: int) -> tuple[Event, ...]:
    known = dossier.customer
    if known is None:
        return (CustomerAdded(stated),)
    changed = tuple(name for name in _STATED if getattr(known, name) != getattr(stated, name))
    if not changed:
        return ()
    after = replace(stated, updated_at_ms=now_ms, version=known.version + 1)
    return (CustomerUpdated(known, after, changed),)


_STATED = (
    "tier",
    "language",
    "display_name",
    "attributes",
    "identities",
    "consents",
    "last_feedback",
    "erased",
)
