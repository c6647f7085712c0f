"""Pages and filters of lists: what a token and a filter may be, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from switchboard.feedback.v1.feedback_service_pb2 import ListSurveysRequest

from services.chassis.rpc.errors import InvalidArgument
from services.chassis.rpc.filtering import equalities
from services.chassis.rpc.paging import page_size, position_of, token_after

FIELDS = frozenset({"state", "agent_id"})


def test_a_token_leads_to_the_position_it_was_made_of() -> None:
    request = ListSurveysRequest(filter="state = SENT", page_size=3)
    token = token_after(request, [17, "name"])
    following = ListSurveysRequest(filter="state = SENT", page_size=9, page_token=token)
    assert position_of(request) is None
    assert position_of(following) == [17, "name"]


@pytest.mark.parametrize("token", ["x", "bm9wZQ==", "W10=", "WzEsMl0="])
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match=r"not one of ours|another filter"):
        position_of(ListSurveysRequest(page_token=token))


def test_a_token_of_another_filter_is_refused() -> None:
    token = token_after(ListSurveysRequest(filter="state = SENT"), [1])
    with pytest.raises(InvalidArgument, match="another filter"):
        position_of(ListSurveysRequest(filter="state = ANSWERED", page_token=token))


def test_a_page_has_fifty_items_unless_it_is_told() -> None:
    assert page_size(ListSurveysRequest()) == 50
    assert page_size(ListSurveysRequest(page_size=7)) == 7


FILTERS = {
    "": {},
    "   ": {},
    "state = SENT": {"state": "SENT"},
    'state="SENT"  AND  agent_id = ada': {"state": "SENT", "agent_id": "ada"},
    r'agent_id = "a \"b\" AND c"': {"agent_id": 'a "b" AND c'},
    "agent_id = a.b-c:d@e/f+g ": {"agent_id": "a.b-c:d@e/f+g"},
}


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_is_read(text: str) -> None:
    assert equalities(text, fields=FIELDS) == FILTERS[text]


@pytest.mark.parametrize(
    "text",
    [
        "state",
        "state = ",
        "state != SENT",
        "colour = red",
        "state = SENT OR state = SENT",
        "state = SENT agent_id = ada",
        "state = SENT AND",
        "state = SENT ANDagent_id = ada",
        "state = SENT AND state = ANSWERED",
        'agent_id = "open',
        'agent_id = "a\0b"',
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="filter at"):
        equalities(text, fields=FIELDS)


@given(st.text(max_size=60))
def test_reading_a_filter_never_fails_otherwise(text: str) -> None:
    try:
        found = equalities(text, fields=FIELDS)
    except InvalidArgument:
        return
    assert found.keys() <= FIELDS
