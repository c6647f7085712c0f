"""Customers of the feedback service: asked through intake's mailbox, answering over HTTP."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

from switchboard.feedback.v1 import feedback_service_pb2 as pb
from switchboard.feedback.v1 import model_pb2 as model
from switchboard.feedback.v1.events_pb2 import FeedbackEvent
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.commands_pb2 import IntakeInput

from services.chassis.rpc.methods import describe
from tests.support.conversations import TOPIC, Thread
from tests.support.served import Served
from tests.support.waiting import until

METHODS = {
    method.name: describe(method)
    for method in pb.DESCRIPTOR.services_by_name["FeedbackService"].methods
}
_serial = itertools.count(1)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Asked:
    """A customer whose conversation was resolved, with the link they got."""

    feedback: Served
    thread: Thread
    path: str = ""
    survey_id: str = ""
    home_id: str = ""

    @property
    def url(self) -> str:
        return self.feedback.http_url + self.path

    async def survey(self, *, tenant: str = "") -> model.Survey:
        """The survey as the API tells it."""
        reply = await self.feedback.call(
            METHODS["GetSurvey"],
            pb.GetSurveyRequest(survey_id=self.survey_id),
            tenant=tenant or self.thread.tenant_id,
        )
        assert reply.code == "OK", reply.text
        found: model.Survey = reply.messages[0].survey
        return found

    async def becomes(self, state: int) -> model.Survey:
        """Wait until the survey is in a state."""

        async def found() -> model.Survey | None:
            survey = await self.survey()
            return survey if survey.state == state else None

        survey = await until(found, what=f"survey in state {state}")
        assert survey is not None
        return survey

    async def told(self) -> list[intake.Feedback]:
        """What intake was told of their answers."""
        values = await self.feedback.read("intake.inputs.v1", self.home_id)
        said = map(IntakeInput.FromString, values)
        return [each.note_feedback for each in said if each.HasField("note_feedback")]

    async def says(self, *kinds: str) -> None:
        """Wait until these, and no others, were announced of the conversation's surveys."""

        async def found() -> list[str]:
            topic, key = "feedback.events.v1", self.thread.conversation_id
            events = map(FeedbackEvent.FromString, await self.feedback.read(topic, key))
            said = [str(event.WhichOneof("kind")) for event in events]
            said = [kind for kind in said if kind != "command_rejected"]
            return said if len(said) >= len(kinds) else []

        assert tuple(await until(found, what=f"announced: {kinds}")) == kinds


async def asked(feedback: Served, *, language: str = "en", **fields: Any) -> Asked:
    """Resolve a conversation of a new customer, and wait for the link."""
    serial = next(_serial)
    thread = Thread(f"thread-{serial}", customer=f"customer-{serial}", language=language, **fields)
    event = thread.resolved(now_ms())
    await feedback.publish(TOPIC, thread.conversation_id, event)
    customer = Asked(feedback, thread, home_id=event.conversation.home_id)

    async def question() -> str:
        for value in await feedback.read("intake.inputs.v1", customer.home_id):
            message = IntakeInput.FromString(value).send_message
            customer.survey_id = message.source_id
            return message.text.rsplit("https://feedback.example", 1)[1]
        return ""

    customer.path = await until(question, what="the question")
    return customer
