"""Rows of intake's tables and the core's values, both ways. A row is JSON-shaped and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from services.chassis.bus.processor import Row, Table
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.model import (
    Attachment,
    Channel,
    Conversation,
    Customer,
    Delivery,
    Identity,
    Kind,
    Message,
    Progress,
    Receipt,
    Status,
    Tier,
)

THREADER_TABLES = (
    Table("customer", ("customer_id",)),
    Table("conversation", ("conversation_id",)),
    Table("message", ("message_id",)),
    Table("conversation_change", ("conversation_id", "sequence")),
    Table("message_delivery", ("message_id",)),
    Table("parked_receipt", ("account_id", "provider_message_id")),
)
DELIVERY_TABLES = (Table("dispatch", ("message_id",)),)


class _Columns:
    """A value's fields as a dictionary, one level deep: `asdict` copies all it finds, slowly."""

    def __init__(self, kind: type[Any]) -> None:
        self._names = [field.name for field in fields(kind)]
        self._values = attrgetter(*self._names)

    def __call__(self, value: Any) -> dict[str, Any]:
        return dict(zip(self._names, self._values(value), strict=True))


_customer, _identity = _Columns(Customer), _Columns(Identity)
_conversation = _Columns(Conversation)
_message, _attachment = _Columns(Message), _Columns(Attachment)
_delivery, _receipt, _dispatch = _Columns(Delivery), _Columns(Receipt), _Columns(Dispatch)


def customer_row(customer: Customer) -> Row:
    """As `customer` keeps it."""
    return _customer(customer) | {
        "identities": [_identity(each) for each in customer.identities],
        "attributes": dict(customer.attributes),
    }


def customer_of(row: Mapping[str, Any]) -> Customer:
    """From a row of `customer`."""
    identities = (
        Identity(**(item | {"channel": Channel(item["channel"])})) for item in row["identities"]
    )
    return Customer(
        **dict(row)
        | {
            "tier": Tier(row["tier"]),
            "identities": tuple(identities),
            "attributes": _pairs(row["attributes"]),
        }
    )


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
            "attributes": _pairs(row["attributes"]),
        }
    )


def message_row(message: Message, *, tenant_id: str, sequence: int) -> Row:
    """As `message` keeps it; `sequence` is the number of its event in the conversation."""
    return _message(message) | {
        "tenant_id": tenant_id,
        "sequence": sequence,
        "attachments": [_attachment(each) for each in message.attachments],
    }


def message_of(row: Mapping[str, Any]) -> Message:
    """From a row of `message`."""
    return Message(
        message_id=row["message_id"],
        conversation_id=row["conversation_id"],
        kind=Kind(row["kind"]),
        channel=Channel(row["channel"]),
        account_id=row["account_id"],
        author=row["author"],
        from_address=row["from_address"],
        to_address=row["to_address"],
        text=row["text"],
        occurred_at_ms=row["occurred_at_ms"],
        received_at_ms=row["received_at_ms"],
        place=row["place"],
        subject=row["subject"],
        language=row["language"],
        provider_message_id=row["provider_message_id"],
        source_id=row["source_id"],
        attachments=tuple(Attachment(**item) for item in row["attachments"]),
    )


def delivery_row(delivery: Delivery, *, home_id: str) -> Row:
    """As `message_delivery` keeps it."""
    return _delivery(delivery) | {"home_id": home_id}


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """From a row of `message_delivery`."""
    return Delivery(
        message_id=row["message_id"],
        conversation_id=row["conversation_id"],
        account_id=row["account_id"],
        kind=Kind(row["kind"]),
        source_id=row["source_id"],
        progress=Progress(row["progress"]),
        provider_message_id=row["provider_message_id"],
        reason=row["reason"],
        at_ms=row["at_ms"],
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


def dispatch_row(dispatch: Dispatch, *, shard: int, resident: bool) -> Row:
    """As `dispatch` keeps it; `resident` ones are loaded with their shard."""
    return _dispatch(dispatch) | {"shard": shard, "resident": resident}


def dispatch_of(row: Mapping[str, Any]) -> Dispatch:
    """From a row of `dispatch`."""
    values = {name: value for name, value in row.items() if name not in {"shard", "resident"}}
    return Dispatch(**values | {"channel": Channel(row["channel"]), "phase": Phase(row["phase"])})


def _pairs(attributes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(attributes.items()))
