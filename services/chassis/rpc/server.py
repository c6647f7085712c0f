"""The native gRPC side of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import grpc
import structlog
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_status import rpc_status

from services.chassis.health import Health
from services.chassis.lifecycle import Background
from services.chassis.rpc.methods import Behaviour, Method, Service
from services.chassis.rpc.pipeline import Pipeline

GRACE_SECONDS: Final = 5.0
STREAMS_MAX_PER_CONNECTION: Final = 1000
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

log = structlog.get_logger(__name__)


class GrpcServer:
    """A component that serves `services`, health by name, and reflection if asked."""

    name = "grpc"

    def __init__(
        self,
        services: Sequence[Service],
        *,
        pipeline: Pipeline,
        health: Health,
        background: Background,
        host: str,
        port: int,
        max_message_bytes: int,
        reflection: bool = False,
    ) -> None:
        self._services = tuple(services)
        self._pipeline = pipeline
        self._health = health
        self._background = background
        self._address = f"{host}:{port}"
        self._max_message_bytes = max_message_bytes
        self._reflection = reflection
        self._server: grpc.aio.Server | None = None
        self._follower: asyncio.Task[None] | None = None
        self.port = port

    async def start(self) -> None:
        """Listen; raises RuntimeError where the address is taken."""
        self._server = grpc.aio.server(options=_options(self._max_message_bytes))
        for service in self._services:
            handlers = {m.name: self._handler(m, b) for m, b in service.methods()}
            generic = grpc.method_handlers_generic_handler(service.descriptor.full_name, handlers)
            self._server.add_generic_rpc_handlers((generic,))
        names = [service.descriptor.full_name for service in self._services]
        servicer = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        await servicer.set("liveness", _SERVING)
        if self._reflection:
            from grpc_reflection.v1alpha import reflection

            reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], self._server)
        self.port = self._server.add_insecure_port(self._address)
        await self._server.start()
        self._follower = self._background.spawn(
            self._follow(servicer, ["", "readiness", *names]), name="grpc health"
        )
        log.info("listening", component="grpc", port=self.port)

    async def stop(self) -> None:
        """Refuse new RPCs and let running ones finish within the grace."""
        if self._server is not None:
            await self._server.stop(GRACE_SECONDS)
        if self._follower is not None:
            self._follower.cancel()

    def _handler(self, method: Method, behaviour: Behaviour) -> grpc.RpcMethodHandler[Any, Any]:
        wrapped = self._pipeline.wrap(method, behaviour, fail=_abort)
        build = _HANDLERS[method.client_streaming, method.server_streaming]
        handler: grpc.RpcMethodHandler[Any, Any] = build(
            wrapped,
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )
        return handler

    async def _follow(self, servicer: health_aio.HealthServicer, names: Sequence[str]) -> None:
        changed = asyncio.Event()
        self._health.watch(lambda _: changed.set())
        while True:
            changed.clear()
            for name in names:
                await servicer.set(name, _SERVING if self._health.ready else _NOT_SERVING)
            await changed.wait()


_HANDLERS: Final = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


async def _abort(context: Any, status: status_pb2.Status) -> NoReturn:
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status raises")


def _options(max_message_bytes: int) -> Sequence[tuple[str, int]]:
    """Times in milliseconds. Ageing connections lets new replicas take their share."""
    return (
        ("grpc.so_reuseport", 0),  # two processes on one port is a mistake, not load balancing
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_concurrent_streams", STREAMS_MAX_PER_CONNECTION),
        ("grpc.max_connection_age_ms", 10 * 60_000),
        ("grpc.max_connection_age_grace_ms", 30_000),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    )
