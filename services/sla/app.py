"""The only wiring of the service: which part gets which."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from starlette.routing import BaseRoute
from switchboard.sla.v1 import sla_service_pb2

from services.chassis.bus import topics
from services.chassis.bus.observer import EngineMetrics, Observer
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.bus.processing import Cluster, Processing
from services.chassis.bus.tail import Tail
from services.chassis.bus.watch import Watch
from services.chassis.clock import SystemClock
from services.chassis.health import DRAINING, Health
from services.chassis.http import HttpServer, build_app
from services.chassis.lifecycle import App, Background
from services.chassis.postgres.pool import CHECK, Postgres
from services.chassis.rpc import connect
from services.chassis.rpc.auth import Authenticator
from services.chassis.rpc.keys import KeySet
from services.chassis.rpc.methods import Service
from services.chassis.rpc.pipeline import Pipeline
from services.chassis.rpc.server import GrpcServer
from services.chassis.telemetry.metrics import Catalogue
from services.sla.core.policies import STANDARD_TABLE
from services.sla.metrics import Metrics
from services.sla.settings import SlaSettings
from services.sla.shell import consumers
from services.sla.shell.grpc_api import SlaApi
from services.sla.shell.ledger import EVENTS
from services.sla.shell.store import ClockStore
from services.sla.shell.watching import ClockWatch

SERVICE = "sla"


def build(settings: SlaSettings) -> App:
    """One process of the service, ready to be run."""
    base = _Base(Health(CHECK, DRAINING), Background(), Catalogue(SERVICE, process=True))
    postgres = Postgres(
        settings.postgres_dsn,
        application=SERVICE,
        health=base.health,
        background=base.background,
        max_size=settings.postgres_pool_max,
    )
    tail = Tail(
        EVENTS,
        bootstrap=settings.kafka_bootstrap,
        partitions=topics.load()[EVENTS].partition_count(settings.partitions),
    )
    grpc, http = _servers(settings, base, _services(postgres, tail))
    return App(
        name=SERVICE,
        components=[postgres, _processing(settings, base, postgres), tail, grpc, http],
        health=base.health,
        background=base.background,
        shutdown_seconds=settings.shutdown_seconds,
    )


@dataclass(frozen=True, slots=True)
class _Base:
    health: Health
    background: Background
    catalogue: Catalogue


def _processing(settings: SlaSettings, base: _Base, postgres: Postgres) -> Processing:
    registry = topics.load()
    cluster = Cluster(
        bootstrap=settings.kafka_bootstrap,
        partitions=settings.partitions,
        partitions_of=lambda topic: registry[topic].partition_count(settings.partitions),
        owner=f"{socket.gethostname()}-{os.getpid()}",
    )
    processing = Processing(
        consumers.Clocks(STANDARD_TABLE),
        store=PostgresStore(postgres),
        cluster=cluster,
        observer=Observer(
            consumers.NAME, metrics=EngineMetrics(base.catalogue), health=base.health
        ),
        background=base.background,
    )
    processing.engine.listeners.append(Metrics(base.catalogue).hear)
    return processing


def _services(postgres: Postgres, tail: Tail) -> list[Service]:
    clock, reader = SystemClock(), ClockStore(postgres)
    watch = ClockWatch(Watch(tail, postgres), reader, clock=clock)
    api = SlaApi(reader=reader, watch=watch, policies=STANDARD_TABLE, clock=clock)
    return [Service(sla_service_pb2.DESCRIPTOR.services_by_name["SlaService"], api)]


def _servers(
    settings: SlaSettings, base: _Base, services: list[Service]
) -> tuple[GrpcServer, HttpServer]:
    authenticator = Authenticator(
        keys=KeySet(settings.auth_jwks),
        issuer=settings.auth_issuer,
        audience=settings.auth_audience,
    )
    pipeline = Pipeline(authenticator=authenticator, catalogue=base.catalogue)
    grpc = GrpcServer(
        services,
        pipeline=pipeline,
        health=base.health,
        background=base.background,
        host=settings.bind_host,
        port=settings.grpc_port,
        max_message_bytes=settings.max_message_bytes,
        reflection=settings.dev,
    )
    routes: list[BaseRoute] = connect.mount(
        services, pipeline=pipeline, max_message_bytes=settings.max_message_bytes
    )
    app = build_app(
        health=base.health,
        catalogue=base.catalogue,
        routes=routes,
        unlimited_prefixes=connect.prefixes(services),
    )
    http = HttpServer(
        app, host=settings.bind_host, port=settings.http_port, background=base.background
    )
    return grpc, http
