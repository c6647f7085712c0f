"""What the wire says to the core: every golden event of a conversation, as a command or not."""

from __future__ import annotations

import pytest
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent

from services.feedback.core.commands import Forget, GiveUp, Resolve, Withdraw
from services.feedback.core.model import Reason, State, answer_id_of
from services.feedback.shell.wire import command_of, state_of
from tests.support.conversations import TOPIC, Thread
from tests.support.examples import example, examples


@pytest.mark.parametrize("kind", [item.kind for item in examples(TOPIC)])
def test_golden_events_are_read(kind: str) -> None:
    event = example(TOPIC, kind).message
    assert isinstance(event, ConversationEvent)
    command = command_of(event)
    if kind == "status_changed":
        assert isinstance(command, Resolve)
        assert command.recipient.agent_id == "ada"
        assert command.recipient.channel == "SMS"
    if kind in {"opened", "message_added", "replied", "note_added", "tagged"}:
        assert command is None


def test_what_a_status_says() -> None:
    said = {
        status: command_of(Thread().becomes(status, 5))
        for status in (
            intake.CONVERSATION_STATUS_OPEN,
            intake.CONVERSATION_STATUS_PENDING,
            intake.CONVERSATION_STATUS_CLOSED,
        )
    }
    assert said == {
        intake.CONVERSATION_STATUS_OPEN: Withdraw(Reason.REOPENED),
        intake.CONVERSATION_STATUS_PENDING: Withdraw(Reason.REOPENED),
        intake.CONVERSATION_STATUS_CLOSED: None,
    }


def test_a_lost_survey_is_given_up_and_a_lost_reply_is_not_ours() -> None:
    event = Thread().undelivered(5, "survey-1")
    assert command_of(event) == GiveUp("survey-1", Reason.FAILED)
    event.delivery_changed.purpose = intake.PURPOSE_REPLY
    assert command_of(event) is None


def test_an_uncertain_delivery_may_still_arrive() -> None:
    event = Thread().undelivered(5, "survey-1")
    event.delivery_changed.status = intake.DELIVERY_STATUS_UNCERTAIN
    assert command_of(event) is None


def test_an_erased_customer_is_forgotten_and_a_changed_one_is_not() -> None:
    event = Thread().erased(5)
    assert command_of(event) == Forget()
    event.customer_updated.erased = False
    assert command_of(event) is None


def test_a_request_that_tells_of_an_answer_is_its_own() -> None:
    told = answer_id_of("survey-1", 5)
    assert told == answer_id_of("survey-1", 5)
    assert len({told, answer_id_of("survey-2", 5), answer_id_of("survey-1", 6)}) == 3


def test_states_are_read_by_either_name() -> None:
    assert state_of("ANSWERED") is state_of("SURVEY_STATE_ANSWERED") is State.ANSWERED
    assert state_of("LOST") is None
