"""The one way an answer goes: as a command to the conversation's shard, and back as its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.feedback.v1.commands_pb2 import FeedbackInput

from services.feedback.core.cards import masked
from services.feedback.core.model import Survey
from services.feedback.shell.consumers import request_key
from services.feedback.shell.ledger import INPUTS

OUTCOME_SECONDS: Final = 5.0


class Bus(Protocol):
    """What is needed of the chassis' CommandBus."""

    async def submit(
        self, topic: str, key: str, message: Message, *, request_key: str, timeout_s: float
    ) -> CommandOutcome:
        """Raises `BusUnavailable`, `StoreUnavailable`, `OutcomeUnknown`."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it came. `request_id` makes a repeat the same answer."""

    score: int
    comment: str
    source: str
    request_id: str
    actor: str


class Answers:
    """Submits answers."""

    def __init__(self, bus: Bus, *, now_ms: Callable[[], int]) -> None:
        self._bus = bus
        self._now_ms = now_ms

    async def submit(self, survey: Survey, given: Given) -> CommandOutcome:
        """The outcome of `given`, the first one where its request id was used before.

        This is the last step before Kafka, so card numbers are masked here, for both doors.
        Raises `BusUnavailable`, `StoreUnavailable`, `OutcomeUnknown`: then it may have been
        recorded, once; the same request id finds out.
        """
        recipient = survey.recipient
        message = FeedbackInput(
            tenant_id=recipient.tenant_id,
            occurred_at_ms=self._now_ms(),
            request_id=given.request_id,
            actor=given.actor,
            conversation_id=recipient.conversation_id,
        )
        message.record_answer.survey_id = survey.survey_id
        message.record_answer.score = given.score
        message.record_answer.comment = masked(given.comment)
        message.record_answer.source = given.source
        return await self._bus.submit(
            INPUTS,
            recipient.conversation_id,
            message,
            request_key=request_key(recipient.tenant_id, given.request_id),
            timeout_s=OUTCOME_SECONDS,
        )
