"""Revisions that come before the messages they are about: providers repeat and reorder at will.

One waits with its customer, is applied right behind its message, and goes along when the customer
does. After eight days, the longest time for which a provider repeats a message, nothing will come.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any, Final, assert_never

from services.intake.core import revisions
from services.intake.core.commands import (
    EditMessage,
    ForgetEarly,
    ReactToMessage,
    RetractMessage,
    Revision,
)
from services.intake.core.events import (
    CustomerErased,
    CustomerYielded,
    DeliveryProgressed,
    Event,
    IdentityParted,
    MessageAdded,
    RevisionLeft,
    RevisionMatched,
    RevisionParked,
)
from services.intake.core.evolve import evolve
from services.intake.core.identity import inbound_message_id
from services.intake.core.model import Dossier, EarlyRevision, Message, RevisionKind
from services.intake.core.refusals import Reason, Rejection

EARLY_MAX: Final = 32
"""Revisions that wait with one customer."""
KEPT_MS: Final = 8 * 86_400_000

Events = tuple[Event, ...]


def revise(dossier: Dossier, command: Revision, now_ms: int) -> Events | Rejection:
    """What a revision does to its message; it waits where that has yet to come."""
    decision = revisions.revise(dossier, command, now_ms)
    if not isinstance(decision, Rejection) or decision.reason is not Reason.MESSAGE_NOT_FOUND:
        return decision
    early = _waiting(command, now_ms)
    if any(each.key == early.key and each.change == early.change for each in dossier.early):
        return ()
    return decision if len(dossier.early) >= EARLY_MAX else (RevisionParked(early),)


def followed(dossier: Dossier, decided: Events, now_ms: int) -> Events:
    """`decided`, with what it means for the revisions that wait behind each event."""
    events: list[Event] = []
    for event in decided:
        events.append(event)
        waited, dossier = dossier.early, evolve(dossier, event)
        more = tuple(_after(dossier, event, waited, now_ms))
        events += more
        dossier = reduce(evolve, more, dossier)
    return tuple(events)


def forget(dossier: Dossier, command: ForgetEarly, now_ms: int) -> Events:
    """Those whose message did not come in time."""
    del command
    late = (each for each in dossier.early if each.since_ms + KEPT_MS <= now_ms)
    return tuple(RevisionLeft(each) for each in late)


def revision_of(early: EarlyRevision) -> Revision:
    """The command that waits."""
    named: dict[str, Any] = {
        "tenant_id": early.tenant_id,
        "home_id": early.home_id,
        "account_id": early.account_id,
        "provider_message_id": early.provider_message_id,
        "message_id": early.message_id,
        "occurred_at_ms": early.occurred_at_ms,
    }
    match early.kind:
        case RevisionKind.EDIT:
            return EditMessage(**named, text=early.change)
        case RevisionKind.RETRACT:
            return RetractMessage(**named)
        case RevisionKind.REACT:
            return ReactToMessage(**named, reaction=early.change)
        case _:
            assert_never(early.kind)


def _waiting(command: Revision, now_ms: int) -> EarlyRevision:
    match command:
        case EditMessage():
            kind, change = RevisionKind.EDIT, command.text
        case RetractMessage():
            kind, change = RevisionKind.RETRACT, ""
        case ReactToMessage():
            kind, change = RevisionKind.REACT, command.reaction
        case _:
            assert_never(command)
    return EarlyRevision(
        message_id=command.message_id,
        kind=kind,
        occurred_at_ms=command.occurred_at_ms,
        tenant_id=command.tenant_id,
        home_id=command.home_id,
        account_id=command.account_id,
        provider_message_id=command.provider_message_id,
        change=change,
        since_ms=now_ms,
    )


def _after(
    dossier: Dossier, event: Event, waited: tuple[EarlyRevision, ...], now_ms: int
) -> Iterator[Event]:
    """What an event means for those that `waited` before it; the dossier is as it is behind it."""
    match event:
        case MessageAdded(message):
            yield from _matched(dossier, message.message_id, message, now_ms)
        case DeliveryProgressed(delivery):
            named = inbound_message_id(delivery.account_id, delivery.provider_message_id)
            sent = dossier.messages.get(delivery.message_id)
            if sent is not None:
                yield from _matched(dossier, named, sent, now_ms)
        case CustomerYielded():
            yield from (RevisionLeft(each, event.to_home_id) for each in waited)
        case IdentityParted():
            going = (each for each in waited if each.home_id in event.leaves.homes)
            yield from (RevisionLeft(each, event.leaves.home_id) for each in going)
        case CustomerErased():
            yield from (RevisionLeft(each) for each in waited)


def _matched(dossier: Dossier, named: str, message: Message, now_ms: int) -> Iterator[Event]:
    """Each revision of the message, in the order of its provider's time, and what it does."""
    waiting = (each for each in dossier.early if each.message_id == named)
    for early in sorted(waiting, key=lambda each: each.occurred_at_ms):
        yield RevisionMatched(early)
        done = revisions.apply(dossier, message, revision_of(early), now_ms)
        yield from done
        dossier = reduce(evolve, done, dossier)
        message = dossier.messages[message.message_id]
