"""The frame every service's process hangs its parts in: the same doors, telemetry and limits.

A service's `app.py` says what is behind the doors; its `__main__.py` is one call of `main`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.routing import BaseRoute

from services.chassis.health import DRAINING, Health
from services.chassis.http import HttpServer, build_app
from services.chassis.lifecycle import App, Background, Component, run
from services.chassis.postgres.pool import CHECK, Postgres
from services.chassis.rpc import connect
from services.chassis.rpc.auth import Authenticator
from services.chassis.rpc.keys import KeySet
from services.chassis.rpc.methods import Service
from services.chassis.rpc.pipeline import Pipeline
from services.chassis.rpc.server import GrpcServer
from services.chassis.settings import ServiceSettings, SettingsT, load
from services.chassis.telemetry import logs, tracing
from services.chassis.telemetry.metrics import Catalogue

if TYPE_CHECKING:
    from services.chassis.bus.observer import EngineMetrics
    from services.chassis.bus.processing import Processing
    from services.chassis.bus.processor import Processor


class Process:
    """What all processes have. Make it inside the loop, at the top of `build`."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name = name
        self.health = Health(DRAINING)
        self.background = Background()
        self.catalogue = Catalogue(name, process=True)
        self._settings = settings
        self._engine_metrics: EngineMetrics | None = None

    def postgres(self) -> Postgres:
        """The pool of the service's role."""
        self.health.failing(CHECK, "not started")
        return Postgres(
            self._settings.postgres_dsn,
            application=self.name,
            health=self.health,
            background=self.background,
            max_size=self._settings.postgres_pool_max,
        )

    def processing(
        self, processor: Processor[Any], postgres: Postgres, *, apart_seconds: float = 0.0
    ) -> Processing:
        """The engine that runs one processor on Kafka, with its state in Postgres.

        `apart_seconds`: batches begin so far apart at least, where nobody waits for each.
        """
        from services.chassis.bus import topics
        from services.chassis.bus.engine import Cluster
        from services.chassis.bus.observer import EngineMetrics, Observer
        from services.chassis.bus.postgres_store import PostgresStore
        from services.chassis.bus.processing import Processing

        if self._engine_metrics is None:
            self._engine_metrics = EngineMetrics(self.catalogue)
        partitions, registry = self._settings.partitions, topics.load()
        cluster = Cluster(
            bootstrap=self._settings.kafka_bootstrap,
            partitions=partitions,
            partitions_of=lambda topic: registry[topic].partition_count(partitions),
            owner=f"{socket.gethostname()}-{os.getpid()}",
        )
        observer = Observer(processor.name, metrics=self._engine_metrics, health=self.health)
        return Processing(
            processor,
            store=PostgresStore(postgres),
            cluster=cluster,
            observer=observer,
            background=self.background,
            apart_seconds=apart_seconds,
        )

    def doors(
        self, services: Sequence[Service], *, routes: Iterable[BaseRoute] = (), body_bytes: int = 0
    ) -> tuple[GrpcServer, HttpServer]:
        """gRPC, and HTTP with probes, `routes` and the same services over Connect."""
        settings = self._settings
        authenticator = Authenticator(
            keys=KeySet(settings.auth_jwks),
            issuer=settings.auth_issuer,
            audience=settings.auth_audience,
        )
        pipeline = Pipeline(authenticator=authenticator, catalogue=self.catalogue)
        self.health.on_drain(pipeline.drain)
        grpc = GrpcServer(
            services,
            pipeline=pipeline,
            health=self.health,
            background=self.background,
            host=settings.bind_host,
            port=settings.grpc_port,
            max_message_bytes=settings.max_message_bytes,
            reflection=settings.dev,
        )
        limit = settings.max_message_bytes
        app = build_app(
            health=self.health,
            catalogue=self.catalogue,
            routes=[*connect.mount(services, pipeline=pipeline, max_message_bytes=limit), *routes],
            body_limit_bytes=max(limit, body_bytes),
            unlimited_prefixes=connect.prefixes(services),
        )
        host, port = settings.bind_host, settings.http_port
        return grpc, HttpServer(app, host=host, port=port, background=self.background)

    def app(self, *components: Component) -> App:
        """The process with its parts in start order; they stop in reverse."""
        return App(
            name=self.name,
            components=components,
            health=self.health,
            background=self.background,
            shutdown_seconds=self._settings.shutdown_seconds,
        )


def main(
    name: str,
    settings_type: type[SettingsT],
    build: Callable[[SettingsT], App],
    *,
    log_keys: Iterable[str] = (),
) -> NoReturn:
    """Read the settings, start the telemetry, serve until a signal; exits with the status."""
    settings = load(settings_type)
    logs.configure(
        service=name, level=settings.log_level, keys=log_keys, error_text=settings.log_error_text
    )
    tracing.configure(
        service=name,
        ratio=settings.trace_ratio,
        otlp_endpoint=settings.otlp_endpoint,
        file=settings.trace_file,
    )
    try:
        run(lambda: build(settings))
    finally:
        tracing.shutdown()
