"""What decisions about customers leave behind: their rows, hand-overs, word to their readers."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from services.intake.core.events import (
    CustomerAdded,
    CustomerErased,
    CustomerEvent,
    CustomerReturned,
    CustomerTaken,
    CustomerUpdated,
    CustomerYielded,
    HomeRepointed,
    IdentityParted,
    LinkAsked,
)
from services.intake.core.model import Customer, Dossier
from services.intake.shell import rows
from services.intake.shell.consumers.journal import Journal
from services.intake.shell.wire import linking, outputs


def record_of_customer(journal: Journal, after: Dossier, event: CustomerEvent) -> None:
    """Write down one event."""
    match event:
        case CustomerAdded():
            journal.put("customer", rows.customer_row(event.customer))
        case CustomerUpdated():
            _updated(journal, after, event)
        case CustomerErased():
            _erased(journal, after, event)
        case LinkAsked():
            journal.send(linking.asked(event))
        case CustomerReturned():
            journal.send(linking.handed_over(event), after_all=True)
        case CustomerYielded():
            _yielded(journal, event)
        case HomeRepointed():
            assert after.formerly is not None, "a home that has yielded was somebody's"
            journal.put(
                "customer", rows.customer_row(_bare(after.formerly), yields_to=event.to_home_id)
            )
        case CustomerTaken():
            _taken(journal, after, event)
        case IdentityParted():
            _parted(journal, after, event)
        case _:
            assert_never(event)


def _updated(journal: Journal, after: Dossier, event: CustomerUpdated) -> None:
    journal.put("customer", rows.customer_row(event.customer))
    said = outputs.customer_updated(event.changed, before=event.before, after=event.customer)
    for conversation in after.live:
        journal.changed_customer(conversation, said)


def _erased(journal: Journal, after: Dossier, event: CustomerErased) -> None:
    """Every home of the customer is emptied; what is live is closed without an address."""
    customer = event.customer
    journal.put("customer", rows.customer_row(customer))
    said = outputs.customer_updated(("erased",), after=customer)
    for each in event.conversations:
        conversation = after.conversations[each.conversation_id]
        journal.forget_time(each)
        journal.changed_customer(conversation, said, event.at_ms)
    for home_id in sorted(customer.homes):
        row = {
            "home_id": home_id,
            "tenant_id": customer.tenant_id,
            "customer_id": customer.customer_id,
            "reason": event.reason,
            "erased_at_ms": event.at_ms,
        }
        journal.put("erasure", row)
    for home_id in sorted(customer.homes - {customer.home_id}):
        journal.send(linking.set_free(customer, home_id), after_all=True)


def _yielded(journal: Journal, event: CustomerYielded) -> None:
    """Behind all that this home has said, so that the next word on anything is the other's."""
    journal.put("customer", rows.customer_row(_bare(event.customer), yields_to=event.to_home_id))
    for conversation in event.conversations:
        journal.forget_time(conversation)
    journal.send(linking.handed_over(event), after_all=True)


def _taken(journal: Journal, after: Dossier, event: CustomerTaken) -> None:
    customer = event.customer
    journal.put("customer", rows.customer_row(customer))
    if event.is_link:
        _note_links(journal, event)
    for each, previous_id in zip(event.conversations, event.previous_ids, strict=True):
        moved_from = "" if previous_id == customer.customer_id else previous_id
        said = outputs.customer_updated(("identity",), after=customer, moved_from=moved_from)
        conversation = after.conversations[each.conversation_id]
        journal.changed_customer(conversation, said, event.at_ms)
        journal.keep_time(conversation)
    for home_id in event.repointed:
        journal.send(linking.repointed(event, home_id))


def _note_links(journal: Journal, event: CustomerTaken) -> None:
    """The addresses of whichever of the two has given up their id have come to the other."""
    sides = [event.came] if event.before is None else [event.came, event.before]
    joining = [each for each in sides if each.customer_id != event.customer.customer_id]
    for side in joining or [event.came]:
        for identity in side.identities:
            row = rows.link_row(
                journal.new_id(),
                event.customer,
                side.customer_id,
                identity,
                event.reason,
                linked=True,
                at_ms=event.at_ms,
            )
            journal.put("identity_link", row)


def _parted(journal: Journal, after: Dossier, event: IdentityParted) -> None:
    stays = event.stays
    journal.put("customer", rows.customer_row(stays))
    kept, other = (
        (stays, event.leaves)
        if stays.customer_id == event.before.customer_id
        else (event.leaves, stays)
    )
    row = rows.link_row(
        journal.new_id(),
        kept,
        other.customer_id,
        event.identity,
        event.reason,
        linked=False,
        at_ms=event.at_ms,
    )
    journal.put("identity_link", row)
    for conversation in event.conversations:
        journal.forget_time(conversation)
    if stays.customer_id != event.before.customer_id:
        said = outputs.customer_updated(
            ("identity",), after=stays, moved_from=event.before.customer_id
        )
        for conversation in after.live:
            journal.changed_customer(conversation, said, event.at_ms)
    journal.send(linking.handed_over(event), after_all=True)


def _bare(customer: Customer) -> Customer:
    """What a home that yields keeps: what its customer was called."""
    return replace(
        customer,
        display_name="",
        identities=(),
        attributes=(),
        consents=(),
        last_feedback=None,
    )
