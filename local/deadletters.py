"""Dead letters of a running stack: read from the tables, settled by commands to their owners."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaProducer
from google.protobuf.message import DecodeError, Message
from switchboard.engine.v1.control_pb2 import Control, DiscardDeadLetter, ReplayDeadLetter
from switchboard.engine.v1.records_pb2 import DeadLetter
from switchboard.feedback.v1.commands_pb2 import FeedbackInput
from switchboard.intake.v1.commands_pb2 import IntakeInput, OutboundMessage
from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1.commands_pb2 import RoutingInput, TriageInput
from switchboard.sla.v1.commands_pb2 import SlaInput

from local import provision
from local.errors import StackError
from local.state import StackState
from services.chassis.bus import headers

SETTLE_DEADLINE_S = 30.0
PAUSE_S = 0.1
OPEN = "open"
MAILBOXES: Mapping[str, tuple[str, type[Message]]] = {
    "intake.threader": ("intake.inputs.v1", IntakeInput),
    "intake.delivery": ("intake.outbound.v1", OutboundMessage),
    "routing.triage": ("routing.triage.inputs.v1", TriageInput),
    "routing.matcher": ("routing.inputs.v1", RoutingInput),
    "sla.clocks": ("sla.inputs.v1", SlaInput),
    "feedback.surveys": ("feedback.inputs.v1", FeedbackInput),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter, without what may be personal."""

    id: str
    service: str
    processor: str
    shard: int
    entity: str
    topic: str
    offset: int
    error: str
    failed_ms: int
    status: str
    """`open`, `replayed` or `discarded`."""


async def listed(state: StackState, *, status: str | None = OPEN) -> list[Letter]:
    """Give dead letters in the order they were set aside, by service; None gives all."""
    connection = await _connect(state)
    try:
        return [
            letter
            for service in provision.processing_with_schema()
            for letter in await _of(connection, service, status)
        ]
    finally:
        await connection.close()


async def found(state: StackState, letter_id: str) -> tuple[Letter, DeadLetter]:
    """Give one dead letter and its record.

    Raises:
        StackError: There is none of that id.
    """
    connection = await _connect(state)
    try:
        for service in provision.processing_with_schema():
            for letter in await _of(connection, service, None):
                if letter.id == letter_id:
                    payload = await connection.fetchval(
                        "SELECT payload FROM dead_letter WHERE letter_id = $1", letter_id
                    )
                    return letter, DeadLetter.FromString(payload)
    finally:
        await connection.close()
    raise StackError(f"There is no dead letter {letter_id}.")


def text_of(record: DeadLetter) -> str:
    """Give the record as text, as bytes where it can't be parsed. It may be personal."""
    envelopes = dict(MAILBOXES.values()) | {"intake.conversations.v1": ConversationEvent}
    try:
        return str(envelopes[record.topic].FromString(record.value))
    except (DecodeError, KeyError):
        return repr(record.value)


async def replay(state: StackState, letter: Letter) -> Letter:
    """Ask the owner to process a letter again; gives it as it is then.

    Letters of one entity are replayed in order up to the first that fails again; asking for one
    that isn't the oldest of its entity does nothing.
    """
    command = ReplayDeadLetter(dead_letter_id=letter.id, request_id=str(uuid4()))
    return await _command(state, letter, Control(replay_dead_letter=command))


async def discard(state: StackState, letter: Letter, *, reason: str) -> Letter:
    """Ask the owner to give a letter up for good; gives it as it is then."""
    command = DiscardDeadLetter(dead_letter_id=letter.id, request_id=str(uuid4()), reason=reason)
    return await _command(state, letter, Control(discard_dead_letter=command))


async def _command(state: StackState, letter: Letter, control: Control) -> Letter:
    topic, envelope = MAILBOXES[letter.processor]
    message = envelope(control=control)
    stamps = headers.event(
        envelope.DESCRIPTOR.full_name,
        event_id=str(uuid4()),
        source="switchboard/cli",
        time_ms=time.time_ns() // 1_000_000,
        subject=letter.entity,
    )
    async with AIOKafkaProducer(bootstrap_servers=state.kafka_bootstrap, acks="all") as producer:
        await producer.send_and_wait(
            topic,
            message.SerializeToString(),
            key=letter.id.encode(),
            partition=letter.shard,
            headers=stamps,
        )
    return await _settled(state, letter)


async def _settled(state: StackState, before: Letter) -> Letter:
    """Wait until the owner has obeyed: the status changed, or it failed again later."""
    end_s = time.monotonic() + SETTLE_DEADLINE_S
    while True:
        after, _ = await found(state, before.id)
        if (after.status, after.failed_ms) != (before.status, before.failed_ms):
            return after
        if time.monotonic() > end_s:
            return after
        await asyncio.sleep(PAUSE_S)


async def _of(connection: asyncpg.Connection, service: str, status: str | None) -> list[Letter]:
    await connection.execute("SELECT set_config('search_path', $1, false)", service)
    rows = await connection.fetch(
        "SELECT letter_id, processor, shard, entity, topic, record_offset, error, failed_ms, status"
        " FROM dead_letter WHERE $1::text IS NULL OR status = $1 ORDER BY ordinal",
        status,
    )
    return [
        Letter(
            id=row["letter_id"],
            service=service,
            processor=row["processor"],
            shard=row["shard"],
            entity=row["entity"],
            topic=row["topic"],
            offset=row["record_offset"],
            error=row["error"],
            failed_ms=row["failed_ms"],
            status=row["status"],
        )
        for row in rows
    ]


async def _connect(state: StackState) -> asyncpg.Connection:
    return await asyncpg.connect(
        state.postgres_admin_dsn,
        timeout=10,
        server_settings={"default_transaction_read_only": "on"},
    )
