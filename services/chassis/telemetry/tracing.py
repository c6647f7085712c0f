"""Spans over OpenTelemetry, and the `traceparent` that ties a record to the call that caused it.

Every request has a trace id, so that logs can be joined; few are recorded. A parent that is not
recorded is only handed on: no span object is made and the SDK is not even imported without an
exporter.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Mapping
from contextvars import ContextVar
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from services.chassis.telemetry import semconv

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

HEADER: Final = "traceparent"
EXPORT_SECONDS: Final = 2  # a collector that is away must not hold up a drain
_FORM: Final = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")  # W3C, level 2
_RECORDED: Final = tuple(b"13579bdf"[i : i + 1] for i in range(8))
_active: ContextVar[bytes | None] = ContextVar("traceparent", default=None)
_provider: TracerProvider | None = None
_tracer: Tracer | None = None
_ratio: float = 0.0


class Kind(Enum):
    """Where a span stands between two processes; the names are OpenTelemetry's."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


def traceparent() -> bytes | None:
    """The W3C header of the work in hand, to be sent along with what it causes."""
    return _active.get()


def current_trace_id() -> str | None:
    """32 hex digits, for logs."""
    parent = _active.get()
    return parent[3:35].decode("ascii") if parent is not None else None


def accept(header: bytes | str | None) -> bytes | None:
    """A header from outside if it is well-formed, else None."""
    raw = header.encode("ascii", "replace") if isinstance(header, str) else header
    return raw if raw is not None and _parse(raw) is not None else None


def is_recorded(parent: bytes | None) -> bool:
    """Whether the parent asks for spans: bit 0 of its flags (OpenTelemetry also sets bit 1)."""
    return parent is not None and parent.endswith(_RECORDED)


def exemplar(span: Span) -> dict[str, str] | None:
    """What ties a histogram's observation to a recorded trace."""
    recorded = is_recorded(span.traceparent)
    return {"trace_id": span.traceparent[3:35].decode("ascii")} if recorded else None


class Span:
    """Work in hand. As a context manager it makes its `traceparent` current and records errors."""

    __slots__ = ("_otel", "_previous", "traceparent")

    def __init__(self, header: bytes, otel: OtelSpan | None = None) -> None:
        self.traceparent = header
        self._otel = otel
        self._previous: bytes | None = None

    def set(self, name: str, value: str | int | float) -> None:
        """Add an attribute of `semconv`; others are left out."""
        if self._otel is not None and name in semconv.ALLOWED:
            self._otel.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        """Mark as failed; the type of the error, never its text."""
        if self._otel is not None:
            from opentelemetry.trace import StatusCode

            self._otel.set_attribute(semconv.ERROR_TYPE, error_type)
            self._otel.set_status(StatusCode.ERROR)

    def end(self) -> None:
        """Close a span that was not used as a context manager."""
        if self._otel is not None:
            self._otel.end()

    def __enter__(self) -> Span:
        self._previous = _active.get()
        _active.set(self.traceparent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # Not reset(token): a stream's generator may be closed from another context.
        _active.set(self._previous)
        if kind is not None:
            self.fail(kind.__qualname__)
        self.end()


def span(
    name: str,
    *,
    kind: Kind = Kind.INTERNAL,
    parent: bytes | None = None,
    attributes: Mapping[str, str | int | float] | None = None,
) -> Span:
    """Begin a span under `parent`, else under the work in hand, else as the root of a new trace."""
    parent = parent if parent is not None else _active.get()
    if _tracer is None or not _is_wanted(parent):
        return Span(parent or _unrecorded())
    return _recorded(_tracer, name, kind, parent, attributes or {})


def _is_wanted(parent: bytes | None) -> bool:
    """As the parent says; of new traces a share. Drawn here: the SDK takes 50 µs to say no."""
    if parent is not None:
        return is_recorded(parent)
    return random.random() < _ratio  # noqa: S311 - chance, no secret


def _recorded(
    tracer: Tracer, name: str, kind: Kind, parent: bytes | None, attributes: Mapping[str, Any]
) -> Span:
    from opentelemetry import trace

    context = trace.set_span_in_context(trace.INVALID_SPAN)
    if parent is not None and (ids := _parse(parent)) is not None:
        remote = trace.SpanContext(*ids[:2], is_remote=True, trace_flags=trace.TraceFlags(ids[2]))
        context = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    allowed = {key: value for key, value in attributes.items() if key in semconv.ALLOWED}
    otel = tracer.start_span(name, context, trace.SpanKind[kind.value], allowed)
    ctx = otel.get_span_context()
    header = f"00-{ctx.trace_id:032x}-{ctx.span_id:016x}-{ctx.trace_flags:02x}".encode("ascii")
    return Span(header, otel if otel.is_recording() else None)


def _unrecorded() -> bytes:
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00".encode("ascii")


def _parse(header: bytes) -> tuple[int, int, int] | None:
    """Trace id, span id, flags; None if malformed or all zero."""
    if (match := _FORM.fullmatch(header)) is None:
        return None
    trace_id, span_id, flags = (int(group, 16) for group in match.groups())
    return (trace_id, span_id, flags) if trace_id and span_id else None


def configure(
    *, service: str, ratio: float, otlp_endpoint: str | None = None, file: Path | None = None
) -> None:
    """Record a share of new traces, to a collector, else to a file of JSON lines, else nowhere."""
    global _provider, _tracer, _ratio  # noqa: PLW0603 - one pipeline a process, as OpenTelemetry's
    if otlp_endpoint is None and file is None:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    _ratio = ratio
    _provider = TracerProvider(
        resource=Resource({"service.name": f"switchboard.{service}"}),
        sampler=ALWAYS_ON,  # what is not wanted never gets there
        shutdown_on_exit=False,
    )
    _provider.add_span_processor(BatchSpanProcessor(_exporter(otlp_endpoint, file)))
    _tracer = _provider.get_tracer("switchboard")


def shutdown() -> None:
    """Export what is left and stop; spans begun later are not recorded."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()


def _exporter(otlp_endpoint: str | None, file: Path | None) -> SpanExporter:
    if otlp_endpoint is not None:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        secure = not otlp_endpoint.startswith("http:")
        return OTLPSpanExporter(otlp_endpoint, insecure=not secure, timeout=EXPORT_SECONDS)
    from services.chassis.telemetry.spanfile import JsonLinesExporter

    assert file is not None
    return JsonLinesExporter(file)
