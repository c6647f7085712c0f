"""Records set aside because they can never work, and the limit beyond which the fault is ours."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import PurePath
from uuid import NAMESPACE_URL, uuid5

from switchboard.engine.v1.records_pb2 import DeadLetter, Header

from services.chassis.bus.effects import EMITTED_BYTES_MAX
from services.chassis.bus.fates import TooManyDeadLetters
from services.chassis.bus.record import Record

TIMER = "timer"  # stands for the topic of what was not a record


def letter_for(
    record: Record, *, processor: str, entity: str, error: str, now_ms: int
) -> DeadLetter:
    """The letter of a record; the same record gives the same letter again."""
    source = f"letter|{processor}|{record.topic}|{record.partition}|{record.offset}"
    if record.topic == TIMER:
        source += f"|{record.key.decode()}|{record.append_ms}"
    return DeadLetter(
        dead_letter_id=str(uuid5(NAMESPACE_URL, source)),
        processor=processor,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=[Header(name=name, value=value) for name, value in record.headers],
        error=error,
        entity=entity,
        failed_ms=now_ms,
    )


def announced(letter: DeadLetter) -> DeadLetter:
    """What the topic says of a letter: all of it, unless no broker would take that."""
    if letter.ByteSize() <= EMITTED_BYTES_MAX:
        return letter
    said = DeadLetter(record_omitted=True)
    said.MergeFrom(letter)
    for part in ("key", "value", "headers"):
        said.ClearField(part)
    return said


def record_in(letter: DeadLetter) -> Record:
    """The record a letter holds, as it was read."""
    return Record(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        append_ms=letter.failed_ms,
        key=letter.key,
        value=letter.value,
        headers=tuple((header.name, header.value) for header in letter.headers),
    )


def describe(error: BaseException) -> str:
    """What went wrong and where, without the values it went wrong with: they may be personal."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return f"{type(error).__name__}: {error}"
    last = frames[-1]
    return f"{type(error).__name__} in {PurePath(last.filename).name}:{last.lineno} {last.name}"


@dataclass(slots=True)
class DeadLetterLimit:
    """Ends the process where more than `share` of `window` records in a row were set aside."""

    share: float = 0.05
    window: int = 1000
    _records: int = 0
    _letters: int = 0

    def count(self, *, records: int, letters: int) -> None:
        """Count a committed batch. Raises `TooManyDeadLetters`."""
        self._records += records
        self._letters += letters
        if self._letters > self.share * self.window:
            raise TooManyDeadLetters(f"{self._letters} of {self._records} records")
        if self._records >= self.window:
            self._records = self._letters = 0
