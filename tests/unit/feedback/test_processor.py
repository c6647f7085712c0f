"""The surveys processor on the engine in memory: what it reads, writes, sends and answers."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from switchboard.engine.v1.records_pb2 import CommandOutcome
from switchboard.feedback.v1.commands_pb2 import FeedbackInput
from switchboard.feedback.v1.events_pb2 import FeedbackEvent
from switchboard.feedback.v1.feedback_service_pb2 import RecordAnswerResponse
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.commands_pb2 import IntakeInput

from services.feedback.core.model import survey_id_of
from services.feedback.core.policies import DAY_MS, Policy
from services.feedback.shell.consumers import Surveys
from tests.support.conversations import TOPIC, Thread
from tests.support.world import Node, World
from tests.unit.feedback.story import POLICY

T0 = 1_000_000
INPUTS, EVENTS, INTAKE = "feedback.inputs.v1", "feedback.events.v1", "intake.inputs.v1"
NOW = replace(POLICY, delay_ms=0)


@pytest.fixture
def world() -> World:
    return making(NOW)


def making(policy: Policy, partitions: int = 1) -> World:
    return World(lambda: Surveys(policy), partitions=partitions)


def once(world: World, topic: str) -> list[Any]:
    """What a reader of the topic applies: each writer's sequence of a partition once."""
    stamps = ("sb_writer", "sb_shard", "sb_seq")
    records = {(r.partition, *map(r.header, stamps)): r for r in world.published(topic)}
    return list(records.values())


def said(world: World) -> list[str | None]:
    events = [FeedbackEvent.FromString(record.value) for record in once(world, EVENTS)]
    return [event.WhichOneof("kind") for event in events]


def questions(world: World) -> list[IntakeInput]:
    return [IntakeInput.FromString(record.value) for record in once(world, INTAKE)]


def tell(world: World, thread: Thread, *events: Any) -> None:
    for event in events:
        world.send(event, topic=TOPIC, key=thread.conversation_id)


def answer(world: World, thread: Thread, survey_id: str, **fields: Any) -> None:
    """An answer in the mailbox; `score`, `request_id`, `tenant_id` and `comment` may be given."""
    message = FeedbackInput(
        tenant_id=fields.pop("tenant_id", "default"),
        request_id=fields.pop("request_id", "request-1"),
        conversation_id=thread.conversation_id,
    )
    message.record_answer.survey_id = survey_id
    message.record_answer.score = fields.pop("score", 5)
    message.record_answer.comment = fields.pop("comment", "")
    world.send(message, topic=INPUTS, key=thread.conversation_id)


async def row(world: World) -> dict[str, Any]:
    [found] = await world.store.rows.select("survey")
    return found


def outcome(world: World, request_id: str = "request-1") -> CommandOutcome:
    return CommandOutcome.FromString(world.store.requests[f"default/{request_id}"])


async def asked(world: World, thread: Thread, node: Node) -> str:
    """Resolve, and return the survey's id."""
    event = thread.resolved(world.now_ms)
    tell(world, thread, event)
    await node.settle()
    return survey_id_of(thread.conversation_id, event.event_id)


async def step_to(world: World, node: Node, now_ms: int) -> None:
    world.now_ms = now_ms
    await node.ticker.step()
    await node.settle()


async def test_a_resolution_puts_one_question_into_the_customers_conversation(
    world: World,
) -> None:
    thread, node = Thread(language="de-AT"), await world.started()
    survey_id = await asked(world, thread, node)
    [question] = questions(world)
    sent = question.send_message
    assert said(world) == ["scheduled", "sent"]
    assert question.home_id == once(world, INTAKE)[0].key.decode()
    assert (sent.conversation_id, sent.source_id) == (thread.conversation_id, survey_id)
    assert sent.purpose == intake.PURPOSE_SURVEY
    assert "zufrieden" in sent.text
    assert "https://feedback.example/s/" in sent.text


async def test_the_token_is_in_the_question_and_nowhere_else(world: World) -> None:
    thread, node = Thread(), await world.started()
    await asked(world, thread, node)
    token = questions(world)[0].send_message.text.rsplit("/", 1)[1]
    stored = repr(world.store.rows.tables)
    events = b"".join(record.value for record in world.published(EVENTS))
    assert token not in stored
    assert token.encode() not in events


async def test_a_delay_waits_and_a_reopening_takes_the_question_back(world: World) -> None:
    world = making(POLICY)
    thread, node = Thread(), await world.started()
    await asked(world, thread, node)
    await step_to(world, node, T0 + 1_999)
    assert questions(world) == []
    tell(world, thread, thread.reopened(world.now_ms))
    await node.settle()
    await step_to(world, node, T0 + 60_000)
    assert said(world) == ["scheduled", "cancelled"]
    assert questions(world) == []


async def test_after_the_delay_the_question_is_sent(world: World) -> None:
    world = making(POLICY)
    thread, node = Thread(), await world.started()
    await asked(world, thread, node)
    await step_to(world, node, T0 + 2_000)
    assert said(world) == ["scheduled", "sent"]


async def test_a_good_answer_is_recorded_with_its_outcome(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, score=4, comment="Quick")
    await node.settle()
    told = RecordAnswerResponse.FromString(outcome(world).result)
    assert said(world) == ["scheduled", "sent", "answered"]
    assert outcome(world).accepted
    assert (told.survey.score, told.survey.comment) == (4, "Quick")
    assert b"Quick" not in b"".join(record.value for record in world.published(EVENTS))


async def test_an_answer_is_told_once_to_whoever_has_the_customer(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, score=2, comment="Slow")
    await node.settle()
    answer(world, thread, survey_id, score=2, comment="Slow")
    answer(world, thread, survey_id, score=5, request_id="request-2")
    heir = await world.started()
    await heir.settle()
    question, told = questions(world)
    assert once(world, INTAKE)[1].key.decode() == told.home_id == question.home_id
    assert (told.tenant_id, told.actor) == ("default", "service/feedback")
    assert told.request_id not in {"", question.request_id}
    assert told.occurred_at_ms == (await row(world))["answered_at_ms"]
    assert told.note_feedback == intake.Feedback(
        survey_id=survey_id,
        conversation_id=thread.conversation_id,
        kind=intake.FEEDBACK_KIND_CSAT,
        score=2,
        score_min=1,
        score_max=5,
        comment="Slow",
        answered_at_ms=told.occurred_at_ms,
    )


async def test_a_survey_without_an_answer_tells_of_none(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, score=7)
    await node.settle()
    await step_to(world, node, T0 + 7 * DAY_MS)
    assert said(world)[-1] == "expired"
    assert [each.WhichOneof("kind") for each in questions(world)] == ["send_message"]


async def test_a_bad_answer_opens_a_recovery(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, score=2)
    await node.settle()
    recovery = FeedbackEvent.FromString(once(world, EVENTS)[-1].value).recovery_opened
    assert (recovery.reason, recovery.score) == ("detractor", 2)
    assert recovery.recovery_id == (await row(world))["recovery_id"]


async def test_the_first_answer_stands(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, score=4)
    answer(world, thread, survey_id, score=1, request_id="request-2")
    await node.settle()
    assert (await row(world))["score"] == 4
    assert outcome(world, "request-2").reason == "SURVEY_ALREADY_ANSWERED"
    assert said(world) == ["scheduled", "sent", "answered", "command_rejected"]


async def test_a_repeated_request_gets_the_first_outcome(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, score=4)
    await node.settle()
    first = outcome(world)
    answer(world, thread, survey_id, score=4)
    await node.settle()
    assert outcome(world) == first
    assert said(world).count("answered") == 1


async def test_an_answer_of_another_tenant_changes_nothing(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, tenant_id="other")
    await node.settle()
    assert (await row(world))["state"] == "SENT"


async def test_without_an_answer_the_survey_expires_also_with_an_heir(world: World) -> None:
    thread, node = Thread(), await world.started()
    await asked(world, thread, node)
    heir = await world.started()
    await step_to(world, heir, T0 + 7 * DAY_MS)
    assert said(world) == ["scheduled", "sent", "expired"]
    assert heir.engine.next_due_ms() is None


async def test_a_question_that_never_arrives_ends_undelivered(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    tell(world, thread, thread.undelivered(world.now_ms, survey_id))
    await node.settle()
    assert (await row(world))["state"] == "UNDELIVERED"
    assert node.engine.next_due_ms() is None


async def test_an_erased_customer_is_forgotten(world: World) -> None:
    thread, node = Thread(), await world.started()
    survey_id = await asked(world, thread, node)
    answer(world, thread, survey_id, comment="I live in Malmö")
    tell(world, thread, thread.erased(world.now_ms))
    await node.settle()
    assert (await row(world))["comment"] == ""
    assert said(world) == ["scheduled", "sent", "answered"]


@pytest.mark.parametrize("partitions", [1, 8])
async def test_the_cooldown_holds_over_conversations_on_other_shards(partitions: int) -> None:
    world = making(replace(NOW, cooldown_ms=30 * DAY_MS), partitions)
    node = await world.started()
    threads = [Thread(f"thread-{number}") for number in range(6)]
    for thread in threads:
        tell(world, thread, thread.resolved(T0))
    await node.settle()
    states = [found["state"] for found in await world.store.rows.select("survey")]
    assert sorted(states) == ["SENT"] + ["SUPPRESSED"] * 5
    assert len(questions(world)) == 1


async def test_a_reopening_while_the_turn_is_asked_for_sends_nothing() -> None:
    world = making(replace(NOW, cooldown_ms=30 * DAY_MS))
    thread, node = Thread(), await world.started()
    tell(world, thread, thread.resolved(T0), thread.reopened(T0))
    await node.settle()
    assert said(world) == ["scheduled", "cancelled"]
    assert questions(world) == []


MOVES = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["resolved", "reopened", "writes", "merged_away"]),
        st.sampled_from([0, 1_000, 3_000, DAY_MS]),
    ),
    max_size=20,
)


async def _ended(moves: list[tuple[str, str, int]], cuts: random.Random | None) -> object:
    world = making(replace(POLICY, answer_within_ms=2 * DAY_MS), partitions=2)
    threads: dict[str, Thread] = {}
    for name, what, pause_ms in moves:
        world.now_ms += pause_ms
        thread = threads.setdefault(name, Thread(name))
        tell(world, thread, getattr(thread, what)(world.now_ms))
    node = await world.started()
    while await node.fetch(cuts.randint(1, 4) if cuts else 1000):
        if cuts and cuts.random() < 0.2:
            node = await world.started()
    await node.settle()
    told = [record.value for record in once(world, EVENTS)]
    sent = sorted(record.value for record in once(world, INTAKE))  # of several writers
    return world.store.rows.tables, told, sent


@settings(max_examples=60, deadline=None)
@given(moves=MOVES, seed=st.integers(0, 2**16))
def test_any_cut_of_the_log_and_any_takeover_give_the_same_rows_and_messages(
    moves: list[tuple[str, str, int]], seed: int
) -> None:
    whole = asyncio.run(_ended(moves, None))
    pieces = asyncio.run(_ended(moves, random.Random(seed)))
    assert pieces == whole
