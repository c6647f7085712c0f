"""What is to be known beside a conversation: whose it is, their last answer, what else is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from switchboard.intake.v1 import conversation_service_pb2 as pb
from switchboard.intake.v1 import model_pb2 as model

from local import conversations, customers
from local.intake import described


def document_of(found: pb.GetConversationResponse) -> dict[str, Any]:
    """A conversation as JSON, with its customer and their other open matters."""
    document = described(found.conversation)
    if found.HasField("customer"):
        document["customer"] = described(found.customer)
    document["open_matters"] = [described(each) for each in found.open_matters]
    return document


def lines_of(found: pb.GetConversationResponse) -> Iterator[str]:
    """The same for a terminal, but for the conversation itself."""
    if found.HasField("customer"):
        yield f"customer   {customers.line_of(found.customer)}"
        if found.customer.HasField("last_feedback"):
            yield f"answered   {answer_of(found.customer.last_feedback)}"
    for matter in found.open_matters:
        yield f"also open  {conversations.line_of(matter)}"


def answer_of(feedback: model.Feedback) -> str:
    """What a customer answered in a survey, in one line."""
    kind = model.FeedbackKind.Name(feedback.kind).removeprefix("FEEDBACK_KIND_")
    scale = f"{feedback.score_min} to {feedback.score_max}"
    said = f"{conversations.utc(feedback.answered_at_ms)}  {kind} {feedback.score} ({scale})"
    comment = " ".join(feedback.comment.split())
    about = f"{said}  about {feedback.conversation_id}"
    return f"{about}  {comment}" if comment else about
