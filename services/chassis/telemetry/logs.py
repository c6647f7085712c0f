"""JSON log lines on stdout, one event a line, with trace ids.

Only listed keys are written, and exceptions are written without their texts: a text may hold a
customer's words or address, a type and a stack cannot.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterable, MutableMapping
from typing import Any, BinaryIO, Final

import orjson
import structlog

from services.chassis.telemetry import tracing

KEYS: Final = frozenset(
    {"event", "level", "logger", "service", "timestamp", "trace_id", "error", "stack", "dropped"}
    | {"attempt", "batch", "cause", "check", "code", "component", "count", "deadline_ms", "entity"}
    | {"epoch", "error_type", "group", "host", "lag", "layout", "letter_id", "method", "millis"}
    | {"name", "offset", "partition", "path", "port", "processor", "reason", "route", "schema"}
    | {"seconds", "shard", "shards", "state", "status", "tenant_id", "topic", "version"}
)
STACK_FRAMES: Final = 12
REPEAT_SECONDS: Final = 5.0
REPEATED_MAX: Final = 1000  # different lines that are remembered


def configure(
    *,
    service: str,
    level: str = "INFO",
    keys: Iterable[str] = (),
    error_text: bool = False,
    out: BinaryIO | None = None,
) -> None:
    """Send this process's logs, libraries' included, to stdout; `keys` extends the allowed keys."""
    allowed = KEYS.union(keys)
    number = logging.getLevelNamesMapping()[level]

    def only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        dropped = sorted(event.keys() - allowed)
        for key in dropped:
            del event[key]
        if dropped:
            event["dropped"] = dropped
        return event

    def identify(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        if (trace_id := tracing.current_trace_id()) is not None:
            event["trace_id"] = trace_id
        if (error := _raised(event.pop("exc_info", None))) is not None:
            event.update(describe(error, text=error_text))
        return event

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            identify,
            only_allowed,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(out or sys.stdout.buffer),
        cache_logger_on_first_use=out is None,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(logging.WARNING, number), force=True)


def describe(error: BaseException, *, text: bool = False) -> dict[str, Any]:
    """Type, SQL state, causes and stack of an error; its text only if asked, or from the OS."""
    chain = [error, *_causes(error)]
    frames = traceback.extract_tb(error.__traceback__)[-STACK_FRAMES:]
    return {
        "error": " < ".join(_title(item, text=text) for item in chain),
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _title(error: BaseException, *, text: bool) -> str:
    name = type(error).__qualname__
    if (state := getattr(error, "sqlstate", None)) is not None:
        name = f"{name}[{state}]"
    if isinstance(error, BaseExceptionGroup):
        return f"{name}({', '.join(_title(item, text=text) for item in error.exceptions)})"
    return f"{name}: {error}" if text or isinstance(error, OSError) else name


def _causes(error: BaseException) -> Iterable[BaseException]:
    seen = {id(error)}
    following = error.__cause__ or error.__context__
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _raised(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    found: BaseException | None = sys.exc_info()[1] if exc_info else None
    return exc_info[1] if isinstance(exc_info, tuple) else found


def _dumps(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=repr)


class _Forward(logging.Handler):
    """Libraries' records, with exceptions among their arguments reduced to type names.

    A client whose server is away says so many times a second: a line is written once in
    `REPEAT_SECONDS`, and the next one says how many there were in `count`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple):
            record.args = tuple(
                type(arg).__qualname__ if isinstance(arg, BaseException) else arg
                for arg in record.args
            )
        text = record.getMessage()
        count = self._count((record.name, text), record.created)
        if count:
            counted = {"count": count} if count > 1 else {}
            structlog.get_logger().log(
                record.levelno, text, logger=record.name, exc_info=record.exc_info, **counted
            )

    def _count(self, said: tuple[str, str], now_s: float) -> int:
        """How many times `said` was said since it was written last; 0 while it is to wait."""
        written_s, waiting = self._said.get(said, (0.0, 0))
        if now_s - written_s < REPEAT_SECONDS:
            self._said[said] = (written_s, waiting + 1)
            return 0
        if len(self._said) >= REPEATED_MAX:
            self._said.clear()
        self._said[said] = (now_s, 0)
        return waiting + 1
