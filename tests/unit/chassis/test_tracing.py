"""One trace runs through all that a call causes; what is not recorded costs next to nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.chassis.telemetry import semconv, tracing
from services.chassis.telemetry.tracing import Kind

RECORDED = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"
SILENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02"


@pytest.fixture
def spans(tmp_path: Path) -> Iterator[Path]:
    tracing.configure(service="example", ratio=1.0, file=tmp_path / "spans.jsonl")
    yield tmp_path / "spans.jsonl"
    tracing.shutdown()


def written(path: Path) -> dict[str, dict[str, Any]]:
    tracing.shutdown()
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {item["name"]: item for item in found}


def test_children_share_the_trace_and_name_their_parent(spans: Path) -> None:
    with (
        tracing.span("HTTP POST", kind=Kind.SERVER) as root,
        tracing.span("send intake.inputs.v1", kind=Kind.PRODUCER),
    ):
        header = tracing.traceparent()
    assert tracing.traceparent() is None
    with tracing.span("process intake.inputs.v1", kind=Kind.CONSUMER, parent=header):
        pass
    found = written(spans)
    names = ("HTTP POST", "send intake.inputs.v1", "process intake.inputs.v1")
    http, send, process = (found[name] for name in names)
    assert {http["trace_id"]} == {send["trace_id"], process["trace_id"]}
    assert (http["parent_id"], send["parent_id"]) == (None, http["span_id"])
    assert process["parent_id"] == send["span_id"]
    assert root.traceparent[3:35].decode() == http["trace_id"]
    assert (http["service"], process["kind"]) == ("switchboard.example", "CONSUMER")


def test_an_error_is_its_type_and_foreign_attributes_are_left_out(spans: Path) -> None:
    def work() -> None:
        attributes: dict[str, str | int] = {semconv.MESSAGING_OFFSET: 7, "text": "a secret"}
        with tracing.span("work", attributes=attributes) as span:
            span.set("customer.address", "a secret")
            span.set(semconv.HTTP_STATUS, 500)
            raise ValueError("a secret")

    with pytest.raises(ValueError, match="secret"):
        work()
    line = written(spans)["work"]
    assert line["status"] == "ERROR"
    assert line["attributes"] == {
        "messaging.kafka.offset": 7,
        "http.response.status_code": 500,
        "error.type": "ValueError",
    }


def test_a_parent_that_is_not_recorded_is_handed_on_as_it_came(spans: Path) -> None:
    with tracing.span("process", parent=SILENT) as span:
        assert tracing.traceparent() is SILENT
        assert tracing.exemplar(span) is None
        with tracing.span("send"):
            assert tracing.traceparent() is SILENT
    assert written(spans) == {}


def test_a_recorded_parent_is_followed_whatever_the_ratio(tmp_path: Path) -> None:
    tracing.configure(service="example", ratio=0.0, file=tmp_path / "spans.jsonl")
    with tracing.span("followed", parent=RECORDED) as span:
        assert tracing.exemplar(span) == {"trace_id": "0af7651916cd43dd8448eb211c80319c"}
    with tracing.span("a new one") as other:
        assert not tracing.is_recorded(other.traceparent)
        assert tracing.accept(other.traceparent) is not None
    assert written(tmp_path / "spans.jsonl").keys() == {"followed"}


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        b"00-00000000000000000000000000000000-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        b"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        RECORDED + b"-extra",
        "00-\u0660af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
    ],
)
def test_malformed_headers_are_not_accepted(header: bytes | str) -> None:
    assert tracing.accept(header) is None


async def test_tasks_keep_their_own_trace() -> None:
    async def work() -> str | None:
        with tracing.span("work"):
            await asyncio.sleep(0)
            return tracing.current_trace_id()

    assert len({*await asyncio.gather(*(work() for _ in range(10)))}) == 10


def test_without_an_exporter_the_sdk_is_not_even_imported() -> None:
    code = """
import sys
from services.chassis.telemetry import tracing
tracing.configure(service="example", ratio=1.0)
with tracing.span("work"): pass
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
