"""Channels to our own services, all with one policy: spread, follow health, retry, never hang."""

from __future__ import annotations

from typing import Final

import grpc
import orjson

from services.chassis.telemetry import tracing

_SERVICE_CONFIG: Final = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}
_OPTIONS: Final = (
    ("grpc.service_config", orjson.dumps(_SERVICE_CONFIG).decode()),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


def channel(target: str) -> grpc.aio.Channel:
    """A channel to `dns:///host:port`. Give every unary call a deadline."""
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


def metadata(token: str) -> tuple[tuple[str, str], ...]:
    """What every call carries: the token, and the trace of the work in hand."""
    bearer = ("authorization", f"Bearer {token}")
    parent = tracing.traceparent()
    return (bearer,) if parent is None else (bearer, (tracing.HEADER, parent.decode("ascii")))
