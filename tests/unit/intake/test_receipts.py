"""How far an outbound message has come: late, doubled, reordered and unmatched receipts."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import pytest

from services.intake.core.events import (
    DeliveryProgressed,
    ReceiptForwarded,
    ReceiptMatched,
    ReceiptParked,
)
from services.intake.core.evolve import evolve
from services.intake.core.model import Progress
from services.intake.core.refusals import Reason
from tests.unit.intake.given import after, events_of, inbound, progress, refusal_of, say

CASES = [
    # told in this order, known at the end
    ([Progress.SENT, Progress.DELIVERED], Progress.DELIVERED),
    ([Progress.DELIVERED, Progress.SENT], Progress.DELIVERED),
    ([Progress.UNCERTAIN, Progress.SENT], Progress.SENT),
    ([Progress.SENT, Progress.FAILED], Progress.FAILED),
    ([Progress.FAILED, Progress.DELIVERED], Progress.DELIVERED),
    ([Progress.READ, Progress.DELIVERED], Progress.READ),
]


@pytest.mark.parametrize(("told", "known"), CASES)
def test_progress_only_ever_becomes_more_certain(told: list[Progress], known: Progress) -> None:
    dossier = after(inbound(), say(), *(progress(each) for each in told))
    assert dossier.deliveries["r-1"].progress is known


def test_any_order_of_the_same_receipts_ends_the_same() -> None:
    told = [Progress.SENT, Progress.FAILED, Progress.DELIVERED, Progress.READ]
    ends = {
        after(inbound(), say(), *(progress(each) for each in order)).deliveries["r-1"].progress
        for order in permutations(told)
    }
    assert ends == {Progress.READ}


def test_a_receipt_by_the_providers_id_alone_finds_a_message_that_was_sent() -> None:
    dossier = after(inbound(), say(), progress(Progress.SENT))
    (event,) = events_of(dossier, progress(Progress.DELIVERED, message_id=""))
    assert isinstance(event, DeliveryProgressed)
    assert event.delivery.message_id == "r-1"


def test_a_receipt_that_matches_nothing_yet_waits_for_its_message() -> None:
    early = progress(Progress.DELIVERED, message_id="")
    dossier = after(inbound(), say(), early)
    assert list(dossier.parked) == ["SMout"]
    events = events_of(dossier, progress(Progress.SENT))
    assert [type(event) for event in events] == [
        ReceiptMatched,
        DeliveryProgressed,
        DeliveryProgressed,
    ]
    dossier = reduce(evolve, events, dossier)
    assert dossier.deliveries["r-1"].progress is Progress.DELIVERED
    assert not dossier.parked


def test_what_waits_is_matched_by_our_own_result_whatever_comes_before() -> None:
    early = progress(Progress.DELIVERED, message_id="")
    dossier = after(inbound(), say(), early, progress(Progress.SENT, by_provider=True))
    assert list(dossier.parked) == ["SMout"]
    dossier = reduce(evolve, events_of(dossier, progress(Progress.SENT)), dossier)
    assert dossier.deliveries["r-1"].progress is Progress.DELIVERED
    assert not dossier.parked


def test_only_the_furthest_of_several_early_receipts_is_parked() -> None:
    delivered = progress(Progress.DELIVERED, message_id="")
    sent = progress(Progress.SENT, message_id="")
    dossier = after(inbound(), say(), delivered)
    assert events_of(dossier, sent) == ()
    assert isinstance(events_of(after(inbound(), say(), sent), delivered)[0], ReceiptParked)


def test_our_own_reference_must_match() -> None:
    refused = refusal_of(after(inbound()), progress(Progress.SENT, message_id="no-such"))
    assert refused.reason is Reason.MESSAGE_NOT_FOUND


def test_a_result_that_only_names_the_message_is_news() -> None:
    dossier = after(inbound(), say(), progress(Progress.DELIVERED, provider_message_id=""))
    (event,) = events_of(dossier, progress(Progress.SENT))
    assert isinstance(event, DeliveryProgressed)
    assert event.delivery.progress is Progress.DELIVERED
    assert event.delivery.provider_message_id == "SMout"


@pytest.mark.parametrize(
    ("known", "helps"),
    [(Progress.QUEUED, True), (Progress.UNCERTAIN, True), (Progress.SENT, False)],
)
def test_delivery_hears_of_a_receipt_only_while_it_may_be_in_doubt(
    known: Progress, *, helps: bool
) -> None:
    dossier = after(inbound(), say(), progress(known))
    events = events_of(dossier, progress(Progress.DELIVERED, by_provider=True))
    assert any(isinstance(event, ReceiptForwarded) for event in events) is helps
