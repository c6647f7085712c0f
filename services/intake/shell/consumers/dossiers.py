"""Reads the dossiers that a batch needs, and keeps as many as memory allows.

Only this process writes them while it owns the shard, so what is kept is what is stored. What is
looked at beside them, other customers and their conversations, is read anew each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from services.chassis.bus.processor import DueTimer, Input, Rows
from services.intake.core.delivery.windows import OUTSIDE_WINDOW
from services.intake.core.detours import is_outside_window
from services.intake.core.identity import message_of_reference
from services.intake.core.links import siblings
from services.intake.core.model import Conversation, Dossier, Message
from services.intake.core.placement import MERGES_MAX
from services.intake.shell import rows as stored
from services.intake.shell.consumers.holding import Dossiers
from services.intake.shell.consumers.wanted import ByHome, Wanted, wanted_by_shard

KEPT_MAX: Final = 64
"""Dossiers of one shard that stay in memory between batches."""

Stored = dict[str, Any]


async def read_through(
    rows: Rows,
    states: Mapping[int, Dossiers],
    inputs: Sequence[Input],
    due: Sequence[DueTimer],
) -> Mapping[int, Dossiers]:
    """The states with every dossier that the inputs and timers are about."""
    wanted = wanted_by_shard(inputs, due)
    kept = {
        number: {home: state[home] for home in wanted.get(number, ()) if home in state}
        for number, state in states.items()
    }
    known = {home: dossier for of_shard in kept.values() for home, dossier in of_shard.items()}
    by_home = {home: want for of_shard in wanted.values() for home, want in of_shard.items()}
    early = {home for state in states.values() for home in state.early_homes & by_home.keys()}
    read = await _Reading(rows, by_home).dossiers(known, early)
    return {
        number: state.with_read(
            {home: read[home] for home in wanted.get(number, ())}, most=KEPT_MAX
        )
        for number, state in states.items()
    }


class _Reading:
    """One batch's reading: what it wants, and whose each home is."""

    def __init__(self, rows: Rows, wanted: ByHome) -> None:
        self._rows = rows
        self._wanted = wanted
        self._unsent: set[str] = set()
        self._found: dict[str, Dossier] = {}
        self._owners: dict[str, str] = {}  # home of any of their addresses -> home of the dossier

    async def dossiers(
        self, known: Mapping[str, Dossier], early: Iterable[str]
    ) -> Mapping[str, Dossier]:
        """Everyone's dossier; `early` are the homes where revisions wait."""
        self._found = {home: _renewed(known.get(home) or Dossier(home)) for home in self._wanted}
        await self._read_customers([home for home in self._wanted if home not in known])
        await self._read_early(sorted(early))
        for dossier in self._found.values():
            if dossier.customer is not None:
                self._owners |= dict.fromkeys(dossier.customer.homes, dossier.home_id)
        await self._read_sent()
        await self._read_calls()
        messages, answered = await self._read_messages(), await self._read_references()
        shared = await self._read_shared(answered)
        named = {message.conversation_id for message, _ in messages} | set(answered.values())
        named |= {each for of_party in shared.values() for each in of_party}
        held = await self._read_conversations(named | self._all("conversation_ids"))
        for message, sequence in messages:
            home = held[message.conversation_id].home_id
            self._hold(home, "messages", message.message_id, message)
            self._hold(home, "sequences", message.message_id, sequence)
        self._refer(answered, shared, held)
        self._refer_strays(held)
        await self._read_elsewhere()
        return self._found

    async def _read_customers(self, strangers: list[str]) -> None:
        """Customers with their live conversations. Who is new to us, as many are, has none."""
        found = await self._any("customer", home_id=sorted({*strangers, *self._all("neighbours")}))
        near = {row["home_id"]: stored.customer_of(row) for row in found if not row["yields_to"]}
        for row in found:
            if row["home_id"] in self._found and row["home_id"] in strangers:
                self._put(row["home_id"], **_as_known(row))
        for home, want in self._wanted.items():
            if want.neighbours:
                self._put(
                    home, neighbours={each: near[each] for each in want.neighbours & near.keys()}
                )
        settled = [home for home in strangers if self._found[home].customer is not None]
        for row in await self._any("conversation", home_id=settled, live=True):
            self._hold(
                row["home_id"], "conversations", row["conversation_id"], stored.conversation_of(row)
            )

    async def _read_early(self, homes: list[str]) -> None:
        """Revisions that wait; some of them for messages of ours to be known by the provider."""
        for row in await self._any("parked_revision", owner=homes, waiting=True):
            waiting = self._found[row["owner"]].early
            self._put(row["owner"], early=(*waiting, stored.early_of(row)))
        for home in homes:
            self._wanted[home].message_ids |= self._wanted[home].sent_ids

    async def _read_calls(self) -> None:
        """Calls that are spoken of; nearly no batch has any."""
        for row in await self._any("call", message_id=sorted(self._all("call_ids"))):
            call = stored.call_of(row)
            for home, want in self._wanted.items():
                if call.message_id in want.call_ids:
                    self._hold(home, "calls", call.message_id, call)

    async def _read_sent(self) -> None:
        """What receipts and reactions speak of, and receipts that wait; most batches have none."""
        sent_ids, provider_ids = self._all("sent_ids"), self._all("provider_message_ids")
        if not sent_ids and not provider_ids:
            return
        homes = [home for home, owner in self._owners.items() if self._wants_receipts(owner)]
        by_us, by_provider, parked = await asyncio.gather(
            self._any("message_delivery", message_id=sorted(sent_ids)),
            self._any("message_delivery", home_id=homes, provider_message_id=sorted(provider_ids)),
            self._any("parked_receipt", home_id=homes, waiting=True),
        )
        for row in (*by_us, *by_provider):
            self._hold(row["home_id"], "deliveries", row["message_id"], stored.delivery_of(row))
        self._hold_asked(by_us)
        for row in parked:
            self._hold(row["home_id"], "parked", row["provider_message_id"], stored.receipt_of(row))
        for home, dossier in self._found.items():
            self._unsent |= set(_unsent(dossier, self._wanted[home]))

    def _hold_asked(self, by_us: Iterable[Stored]) -> None:
        """Whoever is told of a message may look at it, also where its customer is another home's.

        So it is with an address that a message went to before it was linked: what is told there
        goes on to the customer (`forwarding.py`).
        """
        asking: dict[str, list[str]] = {}
        for home, want in self._wanted.items():
            for message_id in want.sent_ids:
                asking.setdefault(message_id, []).append(home)
        for row in by_us:
            for home in asking.get(row["message_id"], ()):
                if self._owners.get(row["home_id"], row["home_id"]) != home:
                    delivery = stored.delivery_of(row)
                    self._hold(home, "deliveries", delivery.message_id, delivery)

    def _wants_receipts(self, home: str) -> bool:
        return bool(self._wanted[home].provider_message_ids)

    async def _read_messages(self) -> list[tuple[Message, int]]:
        """Messages that are changed, moved or reacted to, with the numbers of their events."""
        ids, reacted = self._all("message_ids") | self._unsent, self._all("reacted_ids")
        for dossier in self._found.values():
            sent = dossier.deliveries.values()
            ids |= {each.message_id for each in sent if each.provider_message_id in reacted}
        found = await self._any("message", message_id=sorted(ids))
        return [(stored.message_of(row), row["sequence"]) for row in found]

    async def _read_references(self) -> Mapping[str, str]:
        """What a message answers -> the conversation that has it.

        Mails name ours by an id of ours; in other channels ours have an id of the provider's, too.
        """
        references = self._all("references")
        if not references:
            return {}
        homes = [home for home, owner in self._owners.items() if self._wanted[owner].references]
        ours = {each: found for each in references if (found := message_of_reference(each))}
        by_us, theirs, sent = await asyncio.gather(
            self._any("message", message_id=sorted(ours.values())),
            self._any("message", provider_message_id=sorted(references)),
            self._any("message_delivery", home_id=homes, provider_message_id=sorted(references)),
        )
        within = {row["message_id"]: row["conversation_id"] for row in by_us}
        answered = {each: within[ours[each]] for each in ours if ours[each] in within}
        return answered | {
            row["provider_message_id"]: row["conversation_id"] for row in (*theirs, *sent)
        }

    async def _read_shared(
        self, answered: Mapping[str, str]
    ) -> Mapping[tuple[str, str], list[str]]:
        """What a mail answers and we do not have, and a party to a mail that answers it, too -> the
        conversations that have such mails.
        """
        unknown = self._all("references") - answered.keys()
        found = await self._any(
            "mail_reference", reference=sorted(unknown), party_home_id=sorted(self._all("parties"))
        )
        shared: dict[tuple[str, str], list[str]] = {}
        for row in found:
            at = (row["reference"], row["party_home_id"])
            shared.setdefault(at, []).append(row["conversation_id"])
        return shared

    async def _read_conversations(self, spoken_of: set[str]) -> Mapping[str, Conversation]:
        """By id, with those that they were merged into; what is at hand is not read again."""
        at_hand = {
            key: held
            for dossier in self._found.values()
            for key, held in dossier.conversations.items()
        }
        for dossier in self._found.values():
            spoken_of |= {each.conversation_id for each in dossier.deliveries.values()}
        read = await self._conversations(spoken_of - at_hand.keys())
        for _ in range(MERGES_MAX):
            targets = {each.merged_into_id for each in read.values()} - {""}
            missing = targets - read.keys() - at_hand.keys()
            if not missing:
                break
            read |= await self._conversations(missing)
        for conversation in read.values():
            self._hold(
                self._owners.get(conversation.home_id, ""),
                "conversations",
                conversation.conversation_id,
                conversation,
            )
        return at_hand | read

    async def _conversations(self, ids: Iterable[str]) -> dict[str, Conversation]:
        found = await self._any("conversation", conversation_id=sorted(ids))
        return {row["conversation_id"]: stored.conversation_of(row) for row in found}

    def _refer(
        self,
        answered: Mapping[str, str],
        shared: Mapping[tuple[str, str], list[str]],
        held: Mapping[str, Conversation],
    ) -> None:
        """Everybody may look at what the batch speaks of; a decision looks at what it names."""
        if not answered and not shared and not self._all("conversation_ids"):
            return
        by_reference = {each: held[found] for each, found in answered.items() if found in held}
        for home, want in self._wanted.items():
            theirs = {
                reference: max((held[each] for each in found if each in held), key=_recency)
                for (reference, party), found in shared.items()
                if party in want.parties and not held.keys().isdisjoint(found)
            }
            self._put(home, referenced={**held, **theirs, **by_reference})

    def _refer_strays(self, held: Mapping[str, Conversation]) -> None:
        """What is told of another customer's message may have to go there."""
        for home, dossier in self._found.items():
            named = {each.conversation_id for each in dossier.deliveries.values()}
            strays = {key: held[key] for key in named - dossier.conversations.keys() if key in held}
            if strays:
                self._put(home, referenced={**dossier.referenced, **strays})

    async def _read_elsewhere(self) -> None:
        """Who has, on other media, the numbers of messages that came too late for theirs."""
        near = {
            home: {
                sibling.home_id
                for message in dossier.messages.values()
                if dossier.customer and message.message_id in self._unsent
                for sibling in siblings(
                    dossier.customer.tenant_id, message.channel, message.to_address
                )
            }
            for home, dossier in self._found.items()
        }
        found = await self._any("customer", home_id=sorted(set().union(*near.values())))
        settled = frozenset(row["home_id"] for row in found)
        for home, theirs in near.items():
            if theirs & settled:
                self._put(home, settled_homes=theirs & settled)

    def _all(self, name: str) -> set[str]:
        """What any of the inputs wants of one kind."""
        return set().union(*(getattr(want, name) for want in self._wanted.values()))

    def _put(self, home: str, **values: Any) -> None:
        self._found[home] = replace(self._found[home], **values)

    def _hold(self, home: str, name: str, key: str, value: Any) -> None:
        """Add to a mapping of whoever the home belongs to; what is nobody's here is left alone."""
        dossier = self._found.get(self._owners.get(home, home))
        if dossier is not None:
            self._put(dossier.home_id, **{name: {**getattr(dossier, name), key: value}})

    async def _any(self, table: str, **where: Any) -> list[Stored]:
        """Rows, without asking where an empty list is asked for."""
        if any(value == [] for value in where.values()):
            return []
        return await self._rows.select(table, **where)


def _unsent(dossier: Dossier, want: Wanted) -> Iterator[str]:
    """Messages that may have come too late for their provider, as is known or told now.

    Whatever is spoken of beside such a word may turn out to be the message that it is about.
    """
    parked = any(each.reason == OUTSIDE_WINDOW for each in dossier.parked.values())
    for each in dossier.deliveries.values():
        if parked or want.comes_too_late or is_outside_window(each):
            yield each.message_id


def _recency(conversation: Conversation) -> tuple[int, str]:
    return (conversation.updated_at_ms, conversation.conversation_id)


def _renewed(dossier: Dossier) -> Dossier:
    """What a dossier holds for one batch only is read afresh; closed conversations may go."""
    live = {key: held for key, held in dossier.conversations.items() if held.is_live}
    return Dossier(
        dossier.home_id,
        customer=dossier.customer,
        yields_to=dossier.yields_to,
        formerly=dossier.formerly,
        conversations=live,
    )


def _as_known(row: Stored) -> Stored:
    """The home's customer, or who was called so before they became part of another's."""
    customer = stored.customer_of(row)
    if row["yields_to"]:
        return {"formerly": customer, "yields_to": row["yields_to"]}
    return {"customer": customer}
