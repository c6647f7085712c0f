"""Which conversation a customer's message belongs to, and why: the rules, in the order they apply.

1. reference  it answers a message of ours or theirs (mail: In-Reply-To, then References)
2. named      it names the conversation: by the address it was sent to, by a number in its subject
3. single     the account puts all of a person's messages into one conversation
4. subject    a mail answers a subject ("Re: …") that a live conversation of theirs has
5. channel    a live conversation of theirs on the same channel and account, or in which something
              of ours took a detour over it; for mail there is none, because a mail without
              reference to an earlier one is a new matter
6. person     they wrote about a matter on another channel a short while ago
7. new        none of these

A reference or a name counts only if the sender takes part in that conversation: a number can be
quoted by anybody (zammad/zammad#5064), and newsletters share their In-Reply-To
(chatwoot/chatwoot#13502). Answers to a conversation that was merged follow it (zammad#377).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.intake.core.commands import ReceiveMessage
from services.intake.core.model import Channel, Conversation, Dossier
from services.intake.core.policies import ThreadingPolicy
from services.intake.core.subjects import base_subject, is_answer


class Rule(StrEnum):
    """What decided."""

    REFERENCE = "REFERENCE"
    NAMED = "NAMED"
    SINGLE = "SINGLE"
    SUBJECT = "SUBJECT"
    CHANNEL = "CHANNEL"
    PERSON = "PERSON"
    NEW = "NEW"
    SPLIT = "SPLIT"  # an agent moved it


CONFIDENCE: Final[Mapping[Rule, float]] = {
    Rule.REFERENCE: 0.99,
    Rule.NAMED: 0.95,
    Rule.SINGLE: 0.9,
    Rule.SUBJECT: 0.8,
    Rule.CHANNEL: 0.9,
    Rule.PERSON: 0.7,
    Rule.NEW: 0.9,
    Rule.SPLIT: 1.0,
}


MERGES_MAX: Final = 8
"""How many times a conversation is followed into the one that it was merged into."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was looked at, and what it found."""

    rule: Rule
    matched: bool
    conversation_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a message goes. `conversation` is None where a new one has to be opened.

    It may be another customer's, if the sender takes part in it, or one that is closed: then the
    message opens one that continues it. `confidence` is from 0 to 1.
    """

    rule: Rule
    conversation: Conversation | None
    steps: tuple[Step, ...]

    @property
    def confidence(self) -> float:
        """How sure the rule is."""
        return CONFIDENCE[self.rule]


Found = Iterator[tuple[Conversation | None, str]]
"""A rule's findings: a conversation, or none and why not."""


def place(dossier: Dossier, command: ReceiveMessage, policy: ThreadingPolicy) -> Placement:
    """The first rule that finds a conversation decides."""
    steps: list[Step] = []
    for rule, look in _RULES.items():
        for conversation, detail in look(dossier, command, policy):
            found = conversation.conversation_id if conversation else ""
            steps.append(Step(rule, conversation is not None, found, detail))
            if conversation is not None:
                return Placement(rule, conversation, tuple(steps))
    steps.append(
        Step(
            Rule.NEW,
            matched=True,
            conversation_id="",
            detail="nothing points to an earlier conversation",
        )
    )
    return Placement(Rule.NEW, None, tuple(steps))


def _reference(dossier: Dossier, command: ReceiveMessage, _: ThreadingPolicy) -> Found:
    for reference in command.in_reply_to:
        conversation = _known(dossier, reference)
        if conversation is None:
            yield None, "a message that we do not know"
        elif _takes_part(dossier, command, conversation):
            yield conversation, "answers one of its messages"
        else:
            yield None, "answers a conversation that the sender takes no part in"


def _named(dossier: Dossier, command: ReceiveMessage, _: ThreadingPolicy) -> Found:
    if not command.conversation_hint:
        return
    conversation = _known(dossier, command.conversation_hint)
    if conversation is None:
        yield None, "names a conversation that does not exist"
    elif _takes_part(dossier, command, conversation):
        yield conversation, "names it"
    else:
        yield None, "names a conversation that the sender takes no part in"


def _single(dossier: Dossier, command: ReceiveMessage, _: ThreadingPolicy) -> Found:
    if command.single_conversation:
        for held in dossier.live:
            if held.account_id == command.account_id:
                yield held, "the account has one conversation for each person"


def _subject(dossier: Dossier, command: ReceiveMessage, _: ThreadingPolicy) -> Found:
    if command.channel is not Channel.EMAIL or not is_answer(command.subject):
        return
    wanted = base_subject(command.subject).casefold()
    for held in dossier.live:
        known = base_subject(held.subject).casefold()
        if wanted and held.channel is Channel.EMAIL and known == wanted:
            yield held, "answers its subject"


def _channel(dossier: Dossier, command: ReceiveMessage, _: ThreadingPolicy) -> Found:
    if command.channel is Channel.EMAIL:
        return
    for held in dossier.live:
        if held.channel is command.channel and held.account_id == command.account_id:
            yield held, "is open on the same channel"
    for held in dossier.live:
        if command.account_id in held.detours:
            yield held, "something of ours in it went over this account"


def _person(dossier: Dossier, command: ReceiveMessage, policy: ThreadingPolicy) -> Found:
    if command.automatic is not None:
        return
    since_ms = command.occurred_at_ms - policy.same_matter_window_ms
    for held in dossier.live:
        if command.channel is Channel.EMAIL and held.channel is Channel.EMAIL:
            yield None, "another mail, with another subject"
        elif held.updated_at_ms < since_ms:
            yield None, "nothing was said in it for too long"
        else:
            yield held, "the same person was heard in it a short while ago"


_RULES: Final[Mapping[Rule, Callable[[Dossier, ReceiveMessage, ThreadingPolicy], Found]]] = {
    Rule.REFERENCE: _reference,
    Rule.NAMED: _named,
    Rule.SINGLE: _single,
    Rule.SUBJECT: _subject,
    Rule.CHANNEL: _channel,
    Rule.PERSON: _person,
}


def _known(dossier: Dossier, reference: str) -> Conversation | None:
    """What a reference points to, in its latest state if it is this customer's."""
    found = dossier.referenced.get(reference)
    if found is None:
        return None
    held = dossier.conversations.get(found.conversation_id, found)
    for _ in range(MERGES_MAX):
        target = dossier.conversations.get(held.merged_into_id) or dossier.referenced.get(
            held.merged_into_id
        )
        if target is None:
            break
        held = target
    return held


def _takes_part(dossier: Dossier, command: ReceiveMessage, conversation: Conversation) -> bool:
    if conversation.tenant_id != command.tenant_id:
        return False
    homes = dossier.customer.homes if dossier.customer else frozenset({dossier.home_id})
    return conversation.home_id in homes or command.from_address in conversation.participants
