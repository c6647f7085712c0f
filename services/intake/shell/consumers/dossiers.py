"""Reads the dossiers that a batch needs, and keeps as many as memory allows.

Only this process writes them while it owns the shard, so what is kept is what is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from immutables import Map
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.processor import DueTimer, Input, Rows
from services.intake.core.model import Dossier
from services.intake.shell import rows as stored
from services.intake.shell.consumers.closing import closing

KEPT_MAX: Final = 64
"""Dossiers of one shard that stay in memory between batches."""

Dossiers = Map[str, Dossier]
Stored = dict[str, Any]


@dataclass(slots=True)
class Wanted:
    """What one customer's inputs in a batch speak of."""

    conversation_ids: set[str] = field(default_factory=set)
    message_ids: set[str] = field(default_factory=set)
    provider_message_ids: set[str] = field(default_factory=set)


async def read_through(
    rows: Rows,
    states: Mapping[int, Dossiers],
    inputs: Sequence[Input],
    due: Sequence[DueTimer],
) -> Mapping[int, Dossiers]:
    """The states with every dossier that the inputs and timers are about."""
    wanted = _wanted(inputs, due)
    kept = {
        number: {home: state[home] for home in wanted.get(number, ()) if home in state}
        for number, state in states.items()
    }
    known = {home: dossier for of_shard in kept.values() for home, dossier in of_shard.items()}
    by_home = {home: want for of_shard in wanted.values() for home, want in of_shard.items()}
    read = await _read(rows, known, by_home)
    return {
        number: _merged(state, {home: read[home] for home in wanted.get(number, ())})
        for number, state in states.items()
    }


def _merged(state: Dossiers, fresh: Mapping[str, Dossier]) -> Dossiers:
    return state.update(fresh) if len(state) + len(fresh) <= KEPT_MAX else Map(fresh)


def _wanted(inputs: Iterable[Input], due: Iterable[DueTimer]) -> Mapping[int, Mapping[str, Wanted]]:
    """By shard and home."""
    found: dict[int, dict[str, Wanted]] = {}
    for given in inputs:
        said = given.message
        if isinstance(said, commands_pb2.IntakeInput):
            of_shard = found.setdefault(given.record.partition, {})
            _note(of_shard.setdefault(said.home_id, Wanted()), said)
    for timer in due:
        command = closing(timer.key)
        of_shard = found.setdefault(timer.shard, {})
        want = of_shard.setdefault(command.home_id, Wanted())
        want.conversation_ids.add(command.conversation_id)
    return found


def _note(want: Wanted, said: commands_pb2.IntakeInput) -> None:
    kind = said.WhichOneof("kind")
    body: Any = getattr(said, kind) if kind else None
    if kind in {"delivery_receipt", "delivery_result"}:
        if body.message_id:
            want.message_ids.add(body.message_id)
        if body.provider_message_id and (kind == "delivery_result" or not body.message_id):
            want.provider_message_ids.add(body.provider_message_id)
    elif kind in {"reply", "add_note", "set_status", "send_message"}:
        want.conversation_ids.add(body.conversation_id)


async def _read(
    rows: Rows, known: Mapping[str, Dossier], wanted: Mapping[str, Wanted]
) -> Mapping[str, Dossier]:
    strangers = [home for home in wanted if home not in known]
    message_ids = sorted(set().union(*(want.message_ids for want in wanted.values())))
    provider_ids = sorted(set().union(*(want.provider_message_ids for want in wanted.values())))
    named = [home for home, want in wanted.items() if want.provider_message_ids]
    customers, conversations = await _customers(rows, strangers)
    deliveries, parked = await _sent(rows, message_ids, provider_ids, named)
    dossiers = {home: _renewed(known.get(home) or Dossier(home)) for home in wanted}
    _put_customers(dossiers, customers)
    _put_conversations(dossiers, conversations)
    _put_deliveries(dossiers, deliveries)
    _put_parked(dossiers, parked)
    missing = _missing(dossiers, wanted)
    _put_conversations(dossiers, await _any(rows, "conversation", conversation_id=sorted(missing)))
    return dossiers


async def _customers(rows: Rows, homes: list[str]) -> tuple[list[Stored], list[Stored]]:
    """Customers with their live conversations. Who is new to us, as many are, has none to read."""
    customers = await _any(rows, "customer", customer_id=homes)
    known = [row["home_id"] for row in customers]
    return customers, await _any(rows, "conversation", home_id=known, live=True)


async def _sent(
    rows: Rows, message_ids: list[str], provider_ids: list[str], homes: list[str]
) -> tuple[list[Stored], list[Stored]]:
    """What we sent and receipts speak of, and receipts that wait; nothing for most batches."""
    if not message_ids and not provider_ids:
        return [], []
    by_us, by_provider, parked = await asyncio.gather(
        _any(rows, "message_delivery", message_id=message_ids),
        _any(rows, "message_delivery", home_id=homes, provider_message_id=provider_ids),
        _any(rows, "parked_receipt", home_id=homes, waiting=True),
    )
    return [*by_us, *by_provider], parked


async def _any(rows: Rows, table: str, **where: Any) -> list[Stored]:
    """Rows, without asking where an empty list is asked for."""
    if any(value == [] for value in where.values()):
        return []
    return await rows.select(table, **where)


def _renewed(dossier: Dossier) -> Dossier:
    """What a dossier holds for one batch only is read afresh; closed conversations may go."""
    live = {key: held for key, held in dossier.conversations.items() if held.is_live}
    return Dossier(dossier.home_id, customer=dossier.customer, conversations=live)


def _put_customers(dossiers: dict[str, Dossier], found: Iterable[Mapping[str, Any]]) -> None:
    for row in found:
        customer = stored.customer_of(row)
        dossiers[customer.home_id] = replace(dossiers[customer.home_id], customer=customer)


def _put_conversations(dossiers: dict[str, Dossier], found: Iterable[Mapping[str, Any]]) -> None:
    """A conversation that an input names but that is another customer's stays unknown to it."""
    for row in found:
        conversation = stored.conversation_of(row)
        dossier = dossiers.get(conversation.home_id)
        if dossier is not None:
            held = {**dossier.conversations, conversation.conversation_id: conversation}
            dossiers[conversation.home_id] = replace(dossier, conversations=held)


def _put_deliveries(dossiers: dict[str, Dossier], found: Iterable[Mapping[str, Any]]) -> None:
    for row in found:
        dossier = dossiers.get(row["home_id"])
        if dossier is not None:
            delivery = stored.delivery_of(row)
            held = {**dossier.deliveries, delivery.message_id: delivery}
            dossiers[dossier.home_id] = replace(dossier, deliveries=held)


def _put_parked(dossiers: dict[str, Dossier], found: Iterable[Mapping[str, Any]]) -> None:
    for row in found:
        dossier = dossiers.get(row["home_id"])
        if dossier is not None:
            receipt = stored.receipt_of(row)
            held = {**dossier.parked, receipt.provider_message_id: receipt}
            dossiers[dossier.home_id] = replace(dossier, parked=held)


def _missing(dossiers: Mapping[str, Dossier], wanted: Mapping[str, Wanted]) -> set[str]:
    """Conversations that are spoken of and not at hand."""
    missing: set[str] = set()
    for home, want in wanted.items():
        dossier = dossiers[home]
        spoken_of = want.conversation_ids | {d.conversation_id for d in dossier.deliveries.values()}
        missing |= spoken_of - dossier.conversations.keys()
    return missing
