"""One trace through Kafka: the span of a record continues the span that sent it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from services.chassis.bus.headers import TRACEPARENT
from services.chassis.bus.record import Record
from services.chassis.telemetry import semconv, tracing


def processed(record: Record) -> AbstractContextManager[bytes | None]:
    """The span of handling `record`; yields what its effects carry on. Free where not sampled."""
    parent = record.header(TRACEPARENT)
    return _span(record, parent) if tracing.is_recorded(parent) else nullcontext(parent)


@contextmanager
def _span(record: Record, parent: bytes | None) -> Iterator[bytes | None]:
    about: dict[str, str | int | float] = {
        semconv.MESSAGING_SYSTEM: "kafka",
        semconv.MESSAGING_OPERATION: "process",
        semconv.MESSAGING_OPERATION_TYPE: "process",
        semconv.MESSAGING_DESTINATION: record.topic,
        semconv.MESSAGING_PARTITION: str(record.partition),
        semconv.MESSAGING_OFFSET: record.offset,
    }
    name = f"process {record.topic}"
    kind = tracing.Kind.CONSUMER
    with tracing.span(name, kind=kind, parent=parent, attributes=about) as span:
        yield span.traceparent
