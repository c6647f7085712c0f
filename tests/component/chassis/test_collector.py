"""Spans reach an OTLP collector, in one trace over both doors; one that is away costs little."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as otlp_grpc

from local.ports import free_ports
from services.chassis.rpc.methods import describe
from services.chassis.telemetry import tracing
from tests.component.chassis.conftest import House
from tests.support import echo

SAY = describe(echo.METHODS["Say"])


class Collector(otlp_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.port = 0

    async def Export(self, request: Any, _: Any) -> Any:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return otlp.ExportTraceServiceResponse()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    server = grpc.aio.server()
    otlp_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call] # generated without types
    collector.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield collector
    await server.stop(0)


@pytest.fixture
def stopped_afterwards() -> Iterator[None]:
    yield
    tracing.shutdown()


@pytest.mark.usefixtures("stopped_afterwards")
async def test_a_call_over_either_door_is_a_span_of_the_callers_trace(
    house: House, collector: Collector
) -> None:
    endpoint = f"http://127.0.0.1:{collector.port}"
    tracing.configure(service="echo", ratio=1.0, otlp_endpoint=endpoint)
    token = house.issuer.token()
    await house.grpc.call(SAY, echo.Ask(word="one"), token=token)
    await house.connect.call(SAY, echo.Ask(word="missing"), token=token)
    await asyncio.to_thread(tracing.shutdown)
    grpc_span, connect_span, http_span = collector.spans
    name = f"{echo.NAME}/Say"
    assert [s.name for s in collector.spans] == [name, name, "HTTP POST"]
    assert connect_span.parent_span_id == http_span.span_id
    assert connect_span.trace_id == http_span.trace_id != grpc_span.trace_id
    attributes = {item.key: item.value.string_value for item in connect_span.attributes}
    assert attributes["rpc.response.status_code"] == "NOT_FOUND"


@pytest.mark.usefixtures("stopped_afterwards")
def test_a_collector_that_is_away_does_not_hold_up_the_end() -> None:
    endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"
    tracing.configure(service="echo", ratio=1.0, otlp_endpoint=endpoint)
    with tracing.span("work"):
        pass
    began = time.monotonic()
    tracing.shutdown()
    assert time.monotonic() - began < 5
