"""Ids that follow from what they name; other programs store them, so they never change."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.identity import (
    home_id,
    inbound_message_id,
    lane,
    requested_message_id,
)


def test_ids_are_the_same_for_ever() -> None:
    assert home_id("acme", "SMS", "+4930901820") == "59aa2310-3e96-57c4-8de5-e7da0ece1bc7"
    assert inbound_message_id("sms-berlin", "SM1") == "3cb1bfe4-3154-520c-9e7f-7d97bb45696b"
    assert requested_message_id("acme", "0190") == "9fcdedc3-565d-57dc-8499-d33d3d82e604"


@given(st.lists(st.text(), min_size=3, max_size=3))
def test_ids_are_uuids_of_their_names(parts: list[str]) -> None:
    namespace = UUID("8e2f3a52-6d0c-5d0b-9a51-3c1f0a7b6e44")
    assert home_id(*parts) == str(uuid5(namespace, "\x1f".join(["address", *parts])))


def test_parts_do_not_run_into_each_other() -> None:
    assert home_id("a", "SMS", "b/c") != home_id("a/SMS", "b", "c")
    assert inbound_message_id("a", "bc") != inbound_message_id("ab", "c")


def test_tenants_and_channels_do_not_share_a_customer() -> None:
    homes = {
        home_id(tenant, channel, "+4930901820")
        for tenant in ("acme", "rival")
        for channel in ("SMS", "WHATSAPP")
    }
    assert len(homes) == 4


def test_a_lane_is_one_account_to_one_recipient() -> None:
    assert lane("sms-berlin", "h-1") == "sms-berlin/h-1"
