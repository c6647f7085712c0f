"""Records set aside because they can never work, and the limit beyond which the fault is ours."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from uuid import NAMESPACE_URL, uuid5

from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus.effects import EMITTED_BYTES_MAX
from services.chassis.bus.fates import TooManyDeadLetters
from services.chassis.bus.record import Record
from services.chassis.bus.store import Letter

TIMER = "timer"  # stands for the topic of what was not a record


def letter_for(
    record: Record, *, processor: str, entity: str, error: str, now_ms: int, behind: str = ""
) -> Letter:
    """The letter of a record; the same record gives the same letter again.

    `behind` is the letter it waits for where it did not fail itself.
    """
    source = f"letter|{processor}|{record.topic}|{record.partition}|{record.offset}"
    if record.topic == TIMER:
        source += f"|{record.key.decode()}|{record.append_ms}"
    letter_id = str(uuid5(NAMESPACE_URL, source))
    message = DeadLetter(
        dead_letter_id=letter_id,
        processor=processor,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        error=error,
        entity=entity,
        failed_ms=now_ms,
        cause_dead_letter_id=behind,
    )
    for name, value in record.headers:
        message.headers.add(name=name, value=value)
    return Letter(
        letter_id=letter_id,
        shard=record.partition,
        entity=entity,
        topic=record.topic,
        offset=record.offset,
        error=error,
        failed_ms=now_ms,
        payload=message.SerializeToString(),
    )


def announced(letter: Letter) -> DeadLetter:
    """What the topic says of a letter: all of it, unless no broker would take that."""
    message = DeadLetter.FromString(letter.payload)
    if len(letter.payload) > EMITTED_BYTES_MAX:
        for part in ("key", "value", "headers"):
            message.ClearField(part)
        message.record_omitted = True
    return message


def record_in(letter: Letter) -> Record:
    """The record a letter holds, as it was read."""
    message = DeadLetter.FromString(letter.payload)
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        append_ms=message.failed_ms,
        key=message.key,
        value=message.value,
        headers=tuple((header.name, header.value) for header in message.headers),
    )


def describe(error: BaseException) -> str:
    """What went wrong and where, without the values it went wrong with: they may be personal."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return f"{type(error).__name__}: {error}"
    last = frames[-1]
    return f"{type(error).__name__} in {PurePath(last.filename).name}:{last.lineno} {last.name}"


class DeadLetterLimit:
    """Ends the process where more than `share` of `window` records in a row were set aside."""

    def __init__(self, share: float = 0.05, window: int = 1000) -> None:
        self._share = share
        self._window = window
        self._records = 0
        self._letters = 0

    def count(self, *, records: int, letters: int) -> None:
        """Count a committed batch. Raises `TooManyDeadLetters`."""
        self._records += records
        self._letters += letters
        if self._letters > self._share * self._window:
            raise TooManyDeadLetters(f"{self._letters} of {self._records} records")
        if self._records >= self._window:
            self._records = self._letters = 0
