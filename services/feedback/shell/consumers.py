"""The surveys processor: conversation events, answers and ticks in; surveys and events out.

Cases are read through: a batch reads the surveys of the conversations it speaks of, and forgets
them at the next. A customer's contact is an entity of its own, on the shard of the customer's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from google.protobuf.message import Message
from immutables import Map
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.feedback.v1.commands_pb2 import FeedbackInput
from switchboard.feedback.v1.feedback_service_pb2 import RecordAnswerResponse
from switchboard.intake.v1.events_pb2 import ConversationEvent

from services.chassis.bus.processor import DueTimer, Input, Out, Rows
from services.feedback.core.commands import Command, Expire, RecordAnswer, Send, Settle
from services.feedback.core.events import Rejection
from services.feedback.core.model import Case, Contact
from services.feedback.core.policies import Policy
from services.feedback.handlers import grant, handle
from services.feedback.shell.ledger import INPUTS, SEND, OutLedger
from services.feedback.shell.rows import CONTACTS, SURVEYS, cases_of, contact_of
from services.feedback.shell.wire import command_of, survey_message

NAME = "feedback.surveys"
CONVERSATIONS = "intake.conversations.v1"

Key = tuple[str, str]  # tenant, customer


@dataclass(frozen=True, slots=True)
class Shard:
    """What one shard holds during a batch."""

    number: int
    cases: Map[str, Case] = field(default_factory=Map)
    contacts: Map[Key, Contact] = field(default_factory=Map)


class Surveys:
    """The engine's view of the service."""

    name = NAME
    layout = 1
    topics: Mapping[str, type[Message]] = {
        CONVERSATIONS: ConversationEvent,
        INPUTS: FeedbackInput,
    }
    mailbox = INPUTS
    tables = (SURVEYS, CONTACTS)

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def entity(self, message: Message) -> str:
        """The customer whose turn is asked for, else the conversation."""
        if isinstance(message, FeedbackInput) and message.HasField("take_turn"):
            return f"customer/{message.take_turn.customer_id}"
        return f"conversation/{_conversation_id(message)}"

    def request_key(self, message: Message) -> str | None:
        """Answers are requests; everything else comes from an outbox."""
        if isinstance(message, FeedbackInput) and message.HasField("record_answer"):
            return request_key(message.tenant_id, message.request_id)
        return None

    async def load(self, rows: Rows, shard: int) -> Shard:
        """Nothing: cases are read when they are heard of."""
        del rows
        return Shard(shard)

    async def fetch(
        self,
        rows: Rows,
        states: Mapping[int, Shard],
        inputs: Sequence[Input],
        due: Sequence[DueTimer],
    ) -> Mapping[int, Shard]:
        """The cases and contacts that this batch speaks of, and no others."""
        read = {number: Shard(number) for number in states}
        homes = {_of_timer(timer.key): timer.shard for timer in due}
        homes |= {name: given.record.partition for given, name in _concerned(inputs)}
        if homes:
            found = cases_of(await rows.select(SURVEYS.name, conversation_id=sorted(homes)))
            for name, case in found.items():
                shard = read[homes[name]]
                read[shard.number] = replace(shard, cases=shard.cases.set(name, case))
        asked = {customer: given.record.partition for given, customer in _asked(inputs)}
        if asked:
            for row in await rows.select(CONTACTS.name, customer_id=sorted(asked)):
                shard, contact = read[asked[row["customer_id"]]], contact_of(row)
                key = (contact.tenant_id, contact.customer_id)
                read[shard.number] = replace(shard, contacts=shard.contacts.set(key, contact))
        return read

    def handle(self, state: Shard, given: Input, out: Out) -> Shard:
        """Play what a conversation event or a message of our mailbox says."""
        message = given.message
        if isinstance(message, ConversationEvent):
            command = command_of(message)
            name = message.conversation.conversation_id
            return self._play(state, name, command, out) if command else state
        if not isinstance(message, FeedbackInput):
            raise TypeError(f"{type(message).__name__} is not of our topics")
        match message.WhichOneof("kind"):
            case "record_answer":
                return self._answer(state, message, out)
            case "take_turn":
                return self._grant(state, message, out)
            case "turn_decided":
                decided = message.turn_decided
                command = Settle(decided.survey_id, decided.granted)
                return self._play(state, message.conversation_id, command, out)
            case kind:
                raise ValueError(f"{kind} is not built yet")

    def fire(self, state: Shard, key: str, due_ms: int, out: Out) -> Shard:
        """The delay or the time to answer is over; `due_ms` is past, log time decides."""
        del due_ms
        what, conversation_id, survey_id = key.split("|")
        command = Send(survey_id) if what == SEND else Expire(survey_id)
        return self._play(state, conversation_id, command, out)

    def _play(self, state: Shard, name: str, command: Command, out: Out) -> Shard:
        changed, _ = self._decide(state, name, command, self._ledger(state, out), out)
        return replace(state, cases=state.cases.set(name, changed))

    def _answer(self, state: Shard, message: FeedbackInput, out: Out) -> Shard:
        given, name = message.record_answer, message.conversation_id
        command = RecordAnswer(
            tenant_id=message.tenant_id,
            survey_id=given.survey_id,
            score=given.score,
            comment=given.comment,
            source=given.source,
        )
        ledger = self._ledger(state, out, message.request_id)
        case, rejection = self._decide(state, name, command, ledger, out)
        if rejection is not None:
            ledger.refuse(case, given.survey_id, rejection, tenant_id=message.tenant_id)
        out.outcome(_outcome(message, case, rejection, out.now_ms))
        return replace(state, cases=state.cases.set(name, case))

    def _grant(self, state: Shard, message: FeedbackInput, out: Out) -> Shard:
        asked, ledger = message.take_turn, self._ledger(state, out)
        key = (message.tenant_id, asked.customer_id)
        contact, granted = grant(
            state.contacts.get(key) or Contact(*key),
            asked.survey_id,
            now_ms=out.now_ms,
            policy=self._policy,
            ledger=ledger,
        )
        ledger.answer_turn(
            tenant_id=message.tenant_id,
            conversation_id=message.conversation_id,
            survey_id=asked.survey_id,
            granted=granted,
        )
        return replace(state, contacts=state.contacts.set(key, contact))

    def _decide(
        self, state: Shard, name: str, command: Command, ledger: OutLedger, out: Out
    ) -> tuple[Case, Rejection | None]:
        case = state.cases.get(name) or Case(name)
        return handle(case, command, now_ms=out.now_ms, policy=self._policy, ledger=ledger)

    def _ledger(self, state: Shard, out: Out, request_id: str = "") -> OutLedger:
        links = self._policy.links
        return OutLedger(out, shard=state.number, links=links, request_id=request_id)


def request_key(tenant_id: str, request_id: str) -> str:
    """What makes an answer the same request as another."""
    return f"{tenant_id}/{request_id}"


def _outcome(
    message: FeedbackInput, case: Case, rejection: Rejection | None, now_ms: int
) -> CommandOutcome:
    outcome = CommandOutcome(
        request_key=request_key(message.tenant_id, message.request_id),
        accepted=rejection is None,
        decided_ms=now_ms,
    )
    survey = case.survey(message.record_answer.survey_id)
    if rejection is not None:
        outcome.reason, outcome.detail = rejection.refusal, rejection.detail
    elif survey is not None:
        result = RecordAnswerResponse(survey=survey_message(survey))
        outcome.result_type = result.DESCRIPTOR.full_name
        outcome.result = result.SerializeToString()
    return outcome


def _conversation_id(message: Message) -> str:
    if isinstance(message, ConversationEvent):
        return message.conversation.conversation_id
    return message.conversation_id if isinstance(message, FeedbackInput) else ""


def _of_timer(key: str) -> str:
    return key.split("|")[1]


def _concerned(inputs: Iterable[Input]) -> Iterable[tuple[Input, str]]:
    """Inputs that a case has to be read for, with its conversation."""
    for given in inputs:
        message = given.message
        if isinstance(message, ConversationEvent):
            concerned = command_of(message) is not None
        else:
            concerned = isinstance(message, FeedbackInput) and not message.HasField("take_turn")
        if concerned:
            yield given, _conversation_id(message)


def _asked(inputs: Iterable[Input]) -> Iterable[tuple[Input, str]]:
    """Inputs that a customer's contact has to be read for, with the customer."""
    for given in inputs:
        message = given.message
        if isinstance(message, FeedbackInput) and message.HasField("take_turn"):
            yield given, message.take_turn.customer_id
