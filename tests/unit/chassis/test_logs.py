"""A log line holds listed keys only; an error is its type and stack, never its text."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from services.chassis.telemetry import logs, tracing

SECRET = "+49 170 1234567"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    out = io.BytesIO()
    logs.configure(service="example", keys=["conversation_id"], out=out)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    structlog.reset_defaults()
    root.handlers[:], root.level = before[0], before[1]


def test_listed_keys_are_written_and_others_only_named(lines: Lines) -> None:
    structlog.get_logger().info("added", conversation_id="c-1", text=SECRET, address=SECRET)
    (line,) = lines()
    assert line["conversation_id"] == "c-1"
    assert line["dropped"] == ["address", "text"]
    assert (line["service"], line["level"], line["event"]) == ("example", "info", "added")
    assert SECRET not in json.dumps(line)


def test_an_error_is_its_types_and_its_stack(lines: Lines) -> None:
    def fail(error: Exception, cause: Exception | None = None) -> None:
        raise error from cause

    try:
        fail(ExceptionGroup(SECRET, [ValueError(SECRET)]), cause=KeyError(SECRET))
    except ExceptionGroup:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    assert line["error"] == "ExceptionGroup(ValueError) < KeyError"
    assert line["stack"][-1].endswith(" fail")
    assert SECRET not in json.dumps(line)


def test_texts_of_the_operating_system_are_kept(lines: Lines) -> None:
    error = ConnectionRefusedError(111, "Connect call failed")
    structlog.get_logger().warning("away", exc_info=error)
    assert lines()[0]["error"] == "ConnectionRefusedError: [Errno 111] Connect call failed"


def test_libraries_write_the_same_lines_without_exception_texts(lines: Lines) -> None:
    logging.getLogger("aiokafka").warning("fetch of %s failed: %r", "t-1", ValueError(SECRET))
    logging.getLogger("aiokafka").info("chatter")
    logging.getLogger("faust").error("crashed", exc_info=ValueError(SECRET))
    first, second = lines()
    assert (first["logger"], first["event"]) == ("aiokafka", "fetch of t-1 failed: 'ValueError'")
    assert (second["error"], second["level"]) == ("ValueError", "error")
    assert SECRET not in json.dumps([first, second])


def test_what_a_library_says_again_and_again_is_written_now_and_then(lines: Lines) -> None:
    def say(text: str, at_s: float) -> None:
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, text, (), None)
        record.created = at_s
        logging.getLogger("aiokafka").handle(record)

    for at_s in (100.0, 100.1, 100.2, 104.9):
        say("broker 1 is away", at_s)
    say("broker 2 is away", 100.3)
    say("broker 1 is away", 105.0)
    one, two = "broker 1 is away", "broker 2 is away"
    written = [(line["event"], line.get("count")) for line in lines()]
    assert written == [(one, None), (two, None), (one, 4)]


def test_lines_carry_the_trace(lines: Lines) -> None:
    with tracing.span("work") as span:
        structlog.get_logger().info("inside")
    structlog.get_logger().info("outside")
    inside, outside = lines()
    assert inside["trace_id"] == span.traceparent[3:35].decode()
    assert "trace_id" not in outside
