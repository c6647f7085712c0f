"""Rows and values, both ways, through the JSON that carries them to Postgres."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.call_model import Call
from services.intake.core.delivery.model import Dispatch, Gate
from services.intake.core.feedback import Feedback, FeedbackKind
from services.intake.core.model import (
    Attachment,
    Consent,
    Conversation,
    Customer,
    Delivery,
    EarlyRevision,
    Identity,
    Message,
    Receipt,
)
from services.intake.shell import rows
from tests.unit.intake.given import dispatch

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
numbers = st.integers(0, 2**53)
feedback = st.builds(
    Feedback, texts, texts, st.sampled_from(FeedbackKind), *[numbers] * 3, texts, numbers
)
pairs = st.dictionaries(texts, texts, max_size=3).map(lambda d: tuple(sorted(d.items())))


def values(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a dataclass of the core."""
    hints = get_type_hints(kind)
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: numbers,
        bool: st.booleans(),
        Feedback | None: st.none() | feedback,
        tuple[str, ...]: st.lists(texts, max_size=3).map(tuple),
        tuple[tuple[str, str], ...]: pairs,
        tuple[Attachment, ...]: st.lists(st.builds(Attachment, *[texts] * 3, numbers, texts)).map(
            tuple
        ),
    }
    return st.builds(
        kind,
        **{
            field.name: values_of_identities
            if (hint := hints[field.name]) == tuple[Identity, ...]
            else values_of_consents
            if hint == tuple[Consent, ...]
            else known.get(hint, st.from_type(hint))
            for field in fields(kind)
        },
    )


values_of_consents = st.lists(values(Consent), max_size=2).map(tuple)
values_of_identities = st.lists(values(Identity), max_size=2).map(tuple)


def through_json(row: Any) -> dict[str, Any]:
    """The row as it comes back from the database."""
    read: dict[str, Any] = orjson.loads(orjson.dumps(row))
    return read


@given(values(Customer))
def test_customers(customer: Customer) -> None:
    assert rows.customer_of(through_json(rows.customer_row(customer))) == customer


@given(values(Conversation))
def test_conversations(conversation: Conversation) -> None:
    assert rows.conversation_of(through_json(rows.conversation_row(conversation))) == conversation


@given(values(Message))
def test_messages(message: Message) -> None:
    row = rows.message_row(message, tenant_id="acme", sequence=7)
    assert rows.message_of(through_json(row)) == message


@given(values(Delivery))
def test_deliveries(delivery: Delivery) -> None:
    assert rows.delivery_of(through_json(rows.delivery_row(delivery))) == delivery


@given(values(Receipt))
def test_receipts(receipt: Receipt) -> None:
    row = rows.receipt_row(receipt, home_id="h", waiting=True)
    assert rows.receipt_of(through_json(row)) == receipt


@given(values(EarlyRevision))
def test_early_revisions(early: EarlyRevision) -> None:
    row = rows.early_row(early, owner="h", shard=1, waiting=True)
    assert rows.early_of(through_json(row)) == early


@given(values(Call))
def test_calls(call: Call) -> None:
    assert rows.call_of(through_json(rows.call_row(call, tenant_id="acme"))) == call


@given(values(Dispatch))
def test_dispatches(dispatch: Dispatch) -> None:
    row = rows.dispatch_row(dispatch, shard=1, resident=True)
    assert rows.dispatch_of(through_json(row)) == dispatch


@given(values(Gate))
def test_gates(gate: Gate) -> None:
    assert rows.gate_of(through_json(rows.gate_row(gate, shard=1, troubled=True))) == gate


def test_a_column_that_a_newer_release_has_added_is_left_alone() -> None:
    row = {**rows.dispatch_row(dispatch(), shard=1, resident=True), "added_later": 1}
    assert rows.dispatch_of(row) == dispatch()
