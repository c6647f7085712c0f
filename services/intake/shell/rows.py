"""Rows of intake's tables and the core's values, both ways. A row is JSON-shaped and complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import product
from operator import attrgetter
from typing import Any

from services.chassis.bus.processor import Row, Table
from services.intake.core.call_model import Call, CallState, Forwarding
from services.intake.core.delivery.model import Barrier, Dispatch, Gate, Phase
from services.intake.core.events import MessageAdded
from services.intake.core.feedback import Feedback, FeedbackKind
from services.intake.core.identity import home_id
from services.intake.core.leftovers import ItemsForgotten, KeepItem
from services.intake.core.links import LinkReason
from services.intake.core.media import WantedMedia
from services.intake.core.model import (
    Attachment,
    Automatic,
    Channel,
    Consent,
    Conversation,
    Customer,
    Delivery,
    Detour,
    EarlyRevision,
    Identity,
    Kind,
    Message,
    Progress,
    Receipt,
    RevisionKind,
    Status,
    Tier,
)
from services.intake.core.placement import Placement, Step

THREADER_TABLES = (
    Table("customer", ("home_id",)),
    Table("identity_link", ("link_id",)),
    Table("erasure", ("home_id",)),
    Table("conversation", ("conversation_id",)),
    Table("message", ("message_id",)),
    Table("mail_reference", ("reference", "party_home_id", "conversation_id")),
    Table("conversation_change", ("conversation_id", "sequence")),
    Table("message_delivery", ("message_id",)),
    Table("parked_receipt", ("account_id", "provider_message_id")),
    Table("media_wanted", ("message_id", "attachment_id")),
    Table("parked_revision", ("message_id", "kind", "occurred_at_ms")),
    Table("retraction", ("message_id",)),
    Table("call", ("message_id",)),
    Table("parked_item", ("item_id",)),
    Table("parked_items_since", ("home_id",)),
)
DELIVERY_TABLES = (
    Table("dispatch", ("message_id", "account_id")),
    Table("account_gate", ("account_id", "shard")),
)


class _Columns:
    """A value's fields as a dictionary, one level deep: `asdict` copies all it finds, slowly."""

    def __init__(self, kind: type[Any]) -> None:
        self._names = [field.name for field in fields(kind)]
        self._values = attrgetter(*self._names)

    def __call__(self, value: Any) -> dict[str, Any]:
        return dict(zip(self._names, self._values(value), strict=True))

    def of(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that a row has as they are; columns that are no fields are somebody else's."""
        return {name: row[name] for name in self._names if name in row}


_customer, _identity, _consent = _Columns(Customer), _Columns(Identity), _Columns(Consent)
_feedback = _Columns(Feedback)
_NOT_THEIRS = frozenset({"yields_to", "search_text"})
_conversation = _Columns(Conversation)
_message, _attachment, _step = _Columns(Message), _Columns(Attachment), _Columns(Step)
_MESSAGE_COLUMNS = tuple(field.name for field in fields(Message))
_delivery, _detour, _receipt = _Columns(Delivery), _Columns(Detour), _Columns(Receipt)
_dispatch, _gate = _Columns(Dispatch), _Columns(Gate)
_media = _Columns(WantedMedia)
_MEDIA_COLUMNS = tuple(each.name for each in fields(WantedMedia) if each.name != "attachment")
_FILE_COLUMNS = tuple(each.name for each in fields(Attachment) if each.name != "error")
_early = _Columns(EarlyRevision)
_item, _call = _Columns(KeepItem), _Columns(Call)
_EARLY_COLUMNS = tuple(field.name for field in fields(EarlyRevision))


def customer_row(customer: Customer, *, yields_to: str = "") -> Row:
    """As `customer` keeps it: one row a home, with the home that it yields to."""
    found_by = (customer.display_name, *(each.address for each in customer.identities))
    return _customer(customer) | {
        "identities": [_identity(each) for each in customer.identities],
        "attributes": dict(customer.attributes),
        "consents": [_consent(each) for each in customer.consents],
        "last_feedback": _feedback(customer.last_feedback) if customer.last_feedback else {},
        "yields_to": yields_to,
        "search_text": " ".join(found_by).lower(),
    }


def customer_of(row: Mapping[str, Any]) -> Customer:
    """From a row of `customer`."""
    identities = (
        Identity(**(item | {"channel": Channel(item["channel"])})) for item in row["identities"]
    )
    values = {name: value for name, value in row.items() if name not in _NOT_THEIRS}
    return Customer(
        **values
        | {
            "tier": Tier(row["tier"]),
            "identities": tuple(identities),
            "attributes": _pairs(row["attributes"]),
            "consents": tuple(Consent(**item) for item in row["consents"]),
            "last_feedback": _feedback_of(row["last_feedback"]),
        }
    )


def _feedback_of(item: Mapping[str, Any]) -> Feedback | None:
    return Feedback(**{**item, "kind": FeedbackKind(item["kind"])}) if item else None


def link_row(
    link_id: str,
    customer: Customer,
    other_customer_id: str,
    identity: Identity,
    reason: LinkReason,
    *,
    linked: bool,
    at_ms: int,
) -> Row:
    """As `identity_link` keeps it: an address that came, or left."""
    return {
        "link_id": link_id,
        "tenant_id": customer.tenant_id,
        "customer_id": customer.customer_id,
        "other_customer_id": other_customer_id,
        "channel": identity.channel,
        "address": identity.address,
        "linked": linked,
        "rule": reason.rule.lower(),
        "confidence": reason.confidence,
        "actor": reason.actor,
        "at_ms": at_ms,
    }


def conversation_row(conversation: Conversation) -> Row:
    """As `conversation` keeps it; `live` is there for its index."""
    return _conversation(conversation) | {
        "live": conversation.is_live,
        "attributes": dict(conversation.attributes),
    }


def conversation_of(row: Mapping[str, Any]) -> Conversation:
    """From a row of `conversation`."""
    values = {name: value for name, value in row.items() if name != "live"}
    return Conversation(
        **values
        | {
            "channel": Channel(row["channel"]),
            "tier": Tier(row["tier"]),
            "status": Status(row["status"]),
            "tags": tuple(row["tags"]),
            "participants": tuple(row["participants"]),
            "detours": tuple(row["detours"]),
            "attributes": _pairs(row["attributes"]),
        }
    )


def message_row(
    message: Message, *, tenant_id: str, sequence: int, placement: Placement | None = None
) -> Row:
    """As `message` keeps it; `sequence` is the number of its event in the conversation."""
    return _message(message) | {
        "tenant_id": tenant_id,
        "sequence": sequence,
        "automatic": message.automatic or "",
        "attachments": [_attachment(each) for each in message.attachments],
        "threading": placement_row(placement) if placement else {},
    }


def placement_row(placement: Placement) -> Mapping[str, Any]:
    """Why a message is where it is, as `message.threading` keeps it."""
    return {
        "rule": placement.rule.lower(),
        "confidence": placement.confidence,
        "steps": [_step(each) for each in placement.steps],
    }


def reference_rows(event: MessageAdded, *, tenant_id: str) -> Iterator[Row]:
    """As `mail_reference` keeps them: who has a part in a mail, and what it names."""
    message = event.message
    if not event.references:
        return
    parties = (message.from_address, *message.participants)
    homes = (home_id(tenant_id, message.channel, each) for each in parties)
    for reference, party in product(event.references, dict.fromkeys(homes)):
        yield {
            "reference": reference,
            "party_home_id": party,
            "conversation_id": message.conversation_id,
        }


def message_of(row: Mapping[str, Any]) -> Message:
    """From a row of `message`."""
    values = {name: row[name] for name in _MESSAGE_COLUMNS}
    return Message(
        **values
        | {
            "kind": Kind(row["kind"]),
            "channel": Channel(row["channel"]),
            "participants": tuple(row["participants"]),
            "automatic": Automatic(row["automatic"]) if row["automatic"] else None,
            "attachments": tuple(map(attachment_of, row["attachments"])),
        }
    )


def attachment_of(item: Mapping[str, Any]) -> Attachment:
    """From an element of `message.attachments`, which may lack what came later."""
    return Attachment(**item)


def delivery_row(delivery: Delivery) -> Row:
    """As `message_delivery` keeps it."""
    return _delivery(delivery) | {"detour": _detour(delivery.detour) if delivery.detour else {}}


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """From a row of `message_delivery`."""
    way = row["detour"]
    detour = Detour(**way | {"channel": Channel(way["channel"])}) if way else None
    return Delivery(
        **_delivery.of(row)
        | {"kind": Kind(row["kind"]), "progress": Progress(row["progress"]), "detour": detour}
    )


def receipt_row(receipt: Receipt, *, home_id: str, waiting: bool) -> Row:
    """As `parked_receipt` keeps it."""
    return _receipt(receipt) | {"home_id": home_id, "waiting": waiting}


def receipt_of(row: Mapping[str, Any]) -> Receipt:
    """From a row of `parked_receipt`."""
    return Receipt(
        account_id=row["account_id"],
        provider_message_id=row["provider_message_id"],
        progress=Progress(row["progress"]),
        reason=row["reason"],
        at_ms=row["at_ms"],
    )


def media_row(wanted: WantedMedia, *, shard: int, waiting: bool = True) -> Row:
    """As `media_wanted` keeps a file that waits to be fetched."""
    values, file = _media(wanted), _attachment(wanted.attachment)
    return {
        **{name: values[name] for name in _MEDIA_COLUMNS},
        **{name: file[name] for name in _FILE_COLUMNS},
        "shard": shard,
        "waiting": waiting,
    }


def settled_media_row(message_id: str, attachment_id: str) -> Row:
    """What ends the waiting: the commit deletes the row, so nothing else matters."""
    file = Attachment(attachment_id, "", "", 0, "")
    return media_row(WantedMedia("", "", "", "", message_id, file, 0), shard=0, waiting=False)


def media_of(row: Mapping[str, Any]) -> WantedMedia:
    """From a row of `media_wanted`."""
    file = {name: row[name] for name in _FILE_COLUMNS}
    values = {name: row[name] for name in _MEDIA_COLUMNS}
    return WantedMedia(**values, attachment=Attachment(**file))


def early_row(early: EarlyRevision, *, owner: str, shard: int, waiting: bool) -> Row:
    """As `parked_revision` keeps it with its customer's home, until it waits no more."""
    return _early(early) | {"owner": owner, "shard": shard, "waiting": waiting}


def early_of(row: Mapping[str, Any]) -> EarlyRevision:
    """From a row of `parked_revision`."""
    values = {name: row[name] for name in _EARLY_COLUMNS}
    return EarlyRevision(**values | {"kind": RevisionKind(row["kind"])})


def retraction_row(message: Message) -> Row:
    """As `retraction` keeps it: that a message was taken back, and where it was."""
    return {
        "message_id": message.message_id,
        "conversation_id": message.conversation_id,
        "retracted_at_ms": message.retracted_at_ms,
    }


def call_row(call: Call, *, tenant_id: str) -> Row:
    """As `call` keeps it, beside its message."""
    return _call(call) | {"tenant_id": tenant_id, "forwarding": call.forwarding or ""}


def call_of(row: Mapping[str, Any]) -> Call:
    """From a row of `call`."""
    values = {name: value for name, value in row.items() if name != "tenant_id"}
    forwarding = Forwarding(row["forwarding"]) if row["forwarding"] else None
    return Call(**values | {"state": CallState(row["state"]), "forwarding": forwarding})


def parked_item_row(item: KeepItem) -> Row:
    """As `parked_item` keeps it."""
    return _item(item)


def parked_item_of(row: Mapping[str, Any]) -> KeepItem:
    """From a row of `parked_item`."""
    return KeepItem(**row)


def parked_items_since_row(event: ItemsForgotten) -> Row:
    """As `parked_items_since` keeps it: from when on there are items of an account."""
    return {
        "home_id": event.home_id,
        "tenant_id": event.tenant_id,
        "since_ms": event.before_ms,
    }


def dispatch_row(dispatch: Dispatch, *, shard: int, resident: bool) -> Row:
    """As `dispatch` keeps it; `resident` ones are loaded with their shard."""
    row = _dispatch(dispatch) | {
        "shard": shard,
        "resident": resident,
        "attachments": [_attachment(each) for each in dispatch.attachments],
    }
    row["refs"] = row.pop("references")  # a word of SQL
    return row


def dispatch_of(row: Mapping[str, Any]) -> Dispatch:
    """From a row of `dispatch`."""
    return Dispatch(
        **_dispatch.of(row)
        | {
            "channel": Channel(row["channel"]),
            "phase": Phase(row["phase"]),
            "kind": Kind(row["kind"]),
            "attachments": tuple(map(attachment_of, row["attachments"])),
            "references": tuple(row["refs"]),
            "participants": tuple(row["participants"]),
        }
    )


def gate_row(gate: Gate, *, shard: int, troubled: bool) -> Row:
    """As `account_gate` keeps it; those of accounts in trouble are loaded with their shard."""
    return _gate(gate) | {"barrier": gate.barrier or "", "shard": shard, "troubled": troubled}


def gate_of(row: Mapping[str, Any]) -> Gate:
    """From a row of `account_gate`."""
    return Gate(**_gate.of(row) | {"barrier": Barrier(row["barrier"]) if row["barrier"] else None})


def _pairs(attributes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(attributes.items()))
