"""Conversations that are one matter become one; a matter that is two becomes two.

A merge moves nothing: what was said in the source is read in the target, and answers to it go
there, so it can be taken back. A split moves messages, with the place that they had told by the
event.
"""

from __future__ import annotations

from dataclasses import replace

from services.intake.core.commands import Merge, Regrouping, Split, Unmerge
from services.intake.core.events import (
    ConversationsMerged,
    ConversationSplit,
    ConversationUnmerged,
    Event,
)
from services.intake.core.model import Conversation, Dossier, Kind, Message, Status
from services.intake.core.placement import Placement, Rule, Step
from services.intake.core.refusals import Reason, Rejection
from services.intake.core.turns import find, not_found

Outcome = tuple[Event, ...] | Rejection


def regroup(dossier: Dossier, command: Regrouping, now_ms: int) -> Outcome:
    """What was said, in other conversations."""
    match command:
        case Merge():
            return merge(dossier, command, now_ms)
        case Unmerge():
            return unmerge(dossier, command, now_ms)
        case Split():
            return split(dossier, command, now_ms)


def merge(dossier: Dossier, command: Merge, now_ms: int) -> Outcome:
    """`source` ends in the other: closed, and never merged a second time."""
    target = find(dossier, command.tenant_id, command.conversation_id)
    source = find(dossier, command.tenant_id, command.source_conversation_id)
    if target is None:
        return not_found(command.conversation_id)
    if source is None:
        other = command.source_conversation_id
        detail = f"{other} is no conversation of this customer; link the customers first"
        return Rejection(Reason.CUSTOMERS_DIFFER, detail)
    if source.merged_into_id == target.conversation_id:
        return ()
    if source.merged_into_id or target.merged_into_id:
        return Rejection(Reason.ALREADY_MERGED, "one of them is merged into a third")
    if not target.is_live:
        return Rejection(Reason.CONVERSATION_CLOSED, "merge into a conversation that is not closed")
    at_ms = min(command.occurred_at_ms, now_ms)
    ended = replace(
        source,
        status=Status.CLOSED,
        merged_into_id=target.conversation_id,
        updated_at_ms=max(source.updated_at_ms, at_ms),
        closed_at_ms=at_ms,
    )
    went_on = replace(
        target,
        participants=_together(target.participants, source.participants),
        updated_at_ms=max(target.updated_at_ms, at_ms),
    )
    return (ConversationsMerged(went_on, ended, command.actor, at_ms),)


def unmerge(dossier: Dossier, command: Unmerge, now_ms: int) -> Outcome:
    """It comes back as it was heard last: open if the customer's word was the last."""
    source = find(dossier, command.tenant_id, command.conversation_id)
    if source is None:
        return not_found(command.conversation_id)
    target = dossier.conversations.get(source.merged_into_id)
    if target is None:
        return Rejection(Reason.NOT_MERGED, "the conversation is not merged into another")
    at_ms = min(command.occurred_at_ms, now_ms)
    waits = source.last_inbound_at_ms >= source.last_outbound_at_ms
    back = replace(
        source,
        status=Status.OPEN if waits else Status.PENDING,
        merged_into_id="",
        updated_at_ms=max(source.updated_at_ms, at_ms),
        closed_at_ms=0,
    )
    return (ConversationUnmerged(target, back, command.actor, at_ms),)


def split(dossier: Dossier, command: Split, now_ms: int) -> Outcome:
    """The messages that are named begin a new conversation; at least one stays."""
    origin = find(dossier, command.tenant_id, command.conversation_id)
    if origin is None:
        return not_found(command.conversation_id)
    if not origin.is_live:
        return Rejection(Reason.CONVERSATION_CLOSED, "a closed conversation is not split")
    found = [dossier.messages.get(message_id) for message_id in command.message_ids]
    moving = [each for each in found if each and each.conversation_id == origin.conversation_id]
    if len(moving) < len(found):
        return Rejection(Reason.MESSAGE_NOT_FOUND, "not all are messages of the conversation")
    heard = [each for each in moving if each.kind is Kind.INBOUND]
    if not heard or len(moving) >= origin.messages:
        detail = "name messages of the customer, and leave at least one"
        return Rejection(Reason.NOTHING_TO_SPLIT, detail)
    at_ms = min(command.occurred_at_ms, now_ms)
    ordered = sorted(moving, key=lambda each: each.place)
    part = _part(origin, command, heard, ordered, at_ms)
    moved = tuple(
        replace(each, conversation_id=part.conversation_id, place=place)
        for place, each in enumerate(ordered, start=1)
    )
    left = replace(origin, updated_at_ms=max(origin.updated_at_ms, at_ms))
    why = Step(Rule.SPLIT, matched=True, conversation_id=part.conversation_id, detail=command.actor)
    placement = Placement(Rule.SPLIT, part, (why,))
    return (ConversationSplit(left, part, moved, placement, command.actor, at_ms),)


def _part(
    origin: Conversation, command: Split, heard: list[Message], moving: list[Message], at_ms: int
) -> Conversation:
    """The new conversation: it answers where the last of its messages came from."""
    last = max(heard, key=lambda each: each.occurred_at_ms)
    said = [each for each in moving if each.kind.is_outbound]
    return replace(
        origin,
        conversation_id=command.new_conversation_id,
        channel=last.channel,
        account_id=last.account_id,
        address=last.from_address,
        account_address=last.to_address,
        answers_id=last.provider_message_id,
        status=Status.OPEN,
        opened_at_ms=at_ms,
        updated_at_ms=at_ms,
        subject=last.subject or origin.subject,
        follows_id="",
        split_from_id=origin.conversation_id,
        messages=len(moving),
        sequence=0,
        reopened=0,
        last_inbound_at_ms=last.occurred_at_ms,
        last_outbound_at_ms=max((each.occurred_at_ms for each in said), default=0),
        resolved_at_ms=0,
        closed_at_ms=0,
    )


def _together(some: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*some, *more)))
