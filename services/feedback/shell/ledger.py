"""The handlers' ledger on the engine: rows, announcements, messages and timers of one input."""

from __future__ import annotations

from switchboard.feedback.v1 import events_pb2 as pb
from switchboard.feedback.v1.commands_pb2 import FeedbackInput

from services.chassis.bus.processor import Out
from services.feedback.core.decide import token_of
from services.feedback.core.events import SILENT, Event, Rejection
from services.feedback.core.link import Links
from services.feedback.core.model import Case, Contact, Survey
from services.feedback.core.texts import texts_for
from services.feedback.shell.rows import CONTACTS, SURVEYS, contact_row, survey_row
from services.feedback.shell.wire import ACTOR, answer_told, event_message, question

EVENTS = "feedback.events.v1"
INPUTS = "feedback.inputs.v1"
INTAKE_INPUTS = "intake.inputs.v1"

SEND, EXPIRE = "send", "expire"


def timer_key(what: str, survey: Survey) -> str:
    """`send|<conversation>|<survey>` or `expire|…`: enough to read the case through."""
    return f"{what}|{survey.recipient.conversation_id}|{survey.survey_id}"


class OutLedger:
    """Writes into an `Out`; the engine commits it whole or not at all."""

    def __init__(self, out: Out, *, shard: int, links: Links, request_id: str = "") -> None:
        self._out = out
        self._shard = shard
        self._links = links
        self._request_id = request_id

    def record(self, case: Case, event: Event) -> None:
        """Keep the survey and publish what happened to it."""
        row = survey_row(event.survey, shard=self._shard, sequence=case.sequence)
        self._out.put(SURVEYS.name, row)
        if isinstance(event, SILENT):
            return
        message = event_message(case, event, event_id=self._out.new_id(), now_ms=self._out.now_ms)
        message.request_id = self._request_id
        self._out.emit(EVENTS, case.conversation_id, message, subject=event.survey.survey_id)
        self._out.tell(event)

    def send(self, survey: Survey) -> None:
        """Put the question into the customer's conversation, through intake's mailbox."""
        link = self._links.url(token_of(survey, self._links))
        text = texts_for(survey.recipient.language).message.format(link=link)
        message = question(survey, text, self._out.now_ms)
        self._out.emit(INTAKE_INPUTS, survey.recipient.home_id, message, subject=survey.survey_id)

    def tell_answer(self, survey: Survey) -> None:
        """Tell intake, which has the customer, through its mailbox."""
        message = answer_told(survey, self._out.now_ms)
        self._out.emit(INTAKE_INPUTS, survey.recipient.home_id, message, subject=survey.survey_id)

    def ask_turn(self, survey: Survey) -> None:
        """Ask the customer's shard, in our own mailbox."""
        recipient = survey.recipient
        message = self._input(recipient.tenant_id, recipient.conversation_id)
        message.take_turn.customer_id = recipient.customer_id
        message.take_turn.survey_id = survey.survey_id
        self._out.emit(INPUTS, recipient.customer_id, message, subject=survey.survey_id)

    def answer_turn(
        self, *, tenant_id: str, conversation_id: str, survey_id: str, granted: bool
    ) -> None:
        """Tell the conversation that asked for a turn whether it has one."""
        message = self._input(tenant_id, conversation_id)
        message.turn_decided.survey_id = survey_id
        message.turn_decided.granted = granted
        self._out.emit(INPUTS, conversation_id, message, subject=survey_id)

    def wake_to_send(self, survey: Survey) -> None:
        """Set the timer of the delay."""
        self._out.timer(timer_key(SEND, survey), survey.send_at_ms)

    def wake_to_expire(self, survey: Survey) -> None:
        """Set the timer of the answer."""
        if survey.expires_at_ms is not None:
            self._out.timer(timer_key(EXPIRE, survey), survey.expires_at_ms)

    def let_sleep(self, survey: Survey) -> None:
        """Forget whichever timer is set."""
        self._out.cancel(timer_key(SEND if survey.sent_at_ms is None else EXPIRE, survey))

    def keep(self, contact: Contact) -> None:
        """Keep when a customer was last asked."""
        self._out.put(CONTACTS.name, contact_row(contact, self._shard))

    def refuse(self, case: Case, survey_id: str, rejection: Rejection, *, tenant_id: str) -> None:
        """Publish a refusal. It changes nothing, so it has no number in the conversation."""
        message = pb.FeedbackEvent(
            event_id=self._out.new_id(),
            tenant_id=tenant_id,
            conversation_id=case.conversation_id,
            occurred_at_ms=self._out.now_ms,
            request_id=self._request_id,
        )
        message.command_rejected.command = "record_answer"
        message.command_rejected.reason = rejection.refusal
        message.command_rejected.survey_id = survey_id
        self._out.emit(EVENTS, case.conversation_id, message, subject=survey_id)
        self._out.tell(rejection)

    def _input(self, tenant_id: str, conversation_id: str) -> FeedbackInput:
        return FeedbackInput(
            tenant_id=tenant_id,
            occurred_at_ms=self._out.now_ms,
            actor=ACTOR,
            conversation_id=conversation_id,
        )
