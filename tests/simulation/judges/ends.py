"""Invariant 4 and the end of everything: nothing awaits what will never come."""

from __future__ import annotations

from collections import Counter, defaultdict

from switchboard.feedback.v1.events_pb2 import FeedbackEvent
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.events_pb2 import ConversationEvent

from services.feedback.core.model import TERMINAL, survey_id_of
from services.feedback.shell.ledger import EVENTS as FEEDBACK_EVENTS
from services.intake.shell.topics import CONVERSATIONS
from services.sla.core.model import TERMINAL as CLOCK_ENDS
from tests.simulation.judges.reading import check, events, rows
from tests.simulation.world import World

_LASTING = {
    "conversation": ("status", {"CLOSED"}),
    "work": ("state", {"COMPLETED", "WITHDRAWN"}),
    "offer": ("state", {"ACCEPTED", "DECLINED", "TIMED_OUT", "RESCINDED"}),
    "assignment": ("state", {"COMPLETED"}),
    "clock": ("state", {state.value for state in CLOCK_ENDS}),
    "survey": ("state", {state.value for state in TERMINAL}),
    "dispatch": ("phase", {"SENT", "FAILED", "UNCERTAIN"}),
}
"""The states that things end in, by table."""

_SURVEY_ENDS = frozenset({"answered", "expired", "cancelled", "suppressed", "undelivered"})


async def judge(world: World) -> None:
    """Everything has come to an end, once, and nothing is left in the pipes."""
    for table, (column, lasting) in _LASTING.items():
        open_ = [row for row in await rows(world, table) if row[column] not in lasting]
        check(not open_, f"{table} without an end: {open_[:2]}")
    awaiting = await rows(world, "clock", awaits=True)
    check(not awaiting, f"clocks that await something: {awaiting[:2]}")
    progress = {row["message_id"]: row["progress"] for row in await rows(world, "message_delivery")}
    queued = [name for name, stage in progress.items() if stage == "QUEUED"]
    check(not queued, f"deliveries that nobody was told the end of: {queued}")
    await _surveys(world)
    await _answers(world)


async def _surveys(world: World) -> None:
    """One for each resolution, with one end; what was sent is in the conversation."""
    resolved = {
        survey_id_of(event.conversation.conversation_id, event.event_id)
        for event in events(world, CONVERSATIONS, ConversationEvent)
        if event.status_changed.to_status == intake.CONVERSATION_STATUS_RESOLVED
    }
    surveys = {row["survey_id"]: row for row in await rows(world, "survey")}
    check(resolved == surveys.keys(), f"{len(resolved)} resolutions, {len(surveys)} surveys")
    asked = Counter(row["source_id"] for row in await rows(world, "message", kind="SURVEY"))
    for name, row in surveys.items():
        wanted = 0 if row["sent_at_ms"] is None or row["reason"] == "refused" else 1
        check(asked[name] == wanted, f"survey {name} was asked {asked[name]} times: {row}")
    ends: dict[str, list[str]] = defaultdict(list)
    for event in events(world, FEEDBACK_EVENTS, FeedbackEvent):
        kind = event.WhichOneof("kind") or ""
        if kind in _SURVEY_ENDS:
            ends[event.survey.survey_id].append(kind)
    for name in surveys:
        check(len(ends[name]) == 1, f"survey {name} ended {ends[name]}")


async def _answers(world: World) -> None:
    """What was answered last is known to intake of its customer, and of nobody else."""
    last: dict[str, tuple[int, str, int]] = {}
    for event in events(world, FEEDBACK_EVENTS, FeedbackEvent):
        if event.HasField("answered"):
            survey = event.survey
            given = (survey.answered_at_ms, survey.survey_id, survey.score)
            last[survey.customer_id] = max(given, last.get(survey.customer_id, given))
    for row in await rows(world, "customer"):
        kept, customer_id = row["last_feedback"], row["customer_id"]
        known = (kept["answered_at_ms"], kept["survey_id"], kept["score"]) if kept else None
        check(
            known == last.get(customer_id),
            f"{customer_id} answered {last.get(customer_id)}, known is {known}",
        )
