"""The only wiring of the service: which part gets which."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from starlette.routing import BaseRoute
from switchboard.feedback.v1 import feedback_service_pb2

from services.chassis.bus import topics
from services.chassis.bus.commands import CommandBus
from services.chassis.bus.kafka import EdgeProducer
from services.chassis.bus.observer import EngineMetrics, Observer
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.bus.processing import Cluster, Processing
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
from services.feedback.metrics import Metrics
from services.feedback.settings import FeedbackSettings
from services.feedback.shell import consumers
from services.feedback.shell.answers import Answers
from services.feedback.shell.grpc_api import FeedbackApi
from services.feedback.shell.http import BODY_BYTES_MAX, SurveyDoor
from services.feedback.shell.store import SurveyStore

SERVICE = "feedback"


def build(settings: FeedbackSettings) -> App:
    """One process of the service, ready to be run."""
    base = _Base(Health(CHECK, DRAINING), Background(), Catalogue(SERVICE, process=True))
    postgres = Postgres(
        settings.postgres_dsn,
        application=SERVICE,
        health=base.health,
        background=base.background,
        max_size=settings.postgres_pool_max,
    )
    store = PostgresStore(postgres)
    owner = f"{socket.gethostname()}-{os.getpid()}"
    producer = EdgeProducer(settings.kafka_bootstrap, f"{SERVICE}.api@{owner}")
    bus = CommandBus(producer, store, source=f"{SERVICE}.api")
    processing = _processing(settings, base, store, owner)
    processing.engine.listeners += [bus.hear, Metrics(base.catalogue).hear]
    grpc, http = _servers(settings, base, SurveyStore(postgres), bus)
    return App(
        name=SERVICE,
        components=[postgres, producer, processing, grpc, http],
        health=base.health,
        background=base.background,
        shutdown_seconds=settings.shutdown_seconds,
    )


@dataclass(frozen=True, slots=True)
class _Base:
    health: Health
    background: Background
    catalogue: Catalogue


def _processing(
    settings: FeedbackSettings, base: _Base, store: PostgresStore, owner: str
) -> Processing:
    registry = topics.load()
    cluster = Cluster(
        bootstrap=settings.kafka_bootstrap,
        partitions=settings.partitions,
        partitions_of=lambda topic: registry[topic].partition_count(settings.partitions),
        owner=owner,
    )
    return Processing(
        consumers.Surveys(settings.policy()),
        store=store,
        cluster=cluster,
        observer=Observer(
            consumers.NAME, metrics=EngineMetrics(base.catalogue), health=base.health
        ),
        background=base.background,
    )


def _servers(
    settings: FeedbackSettings, base: _Base, reader: SurveyStore, bus: CommandBus
) -> tuple[GrpcServer, HttpServer]:
    clock, policy = SystemClock(), settings.policy()
    answers = Answers(bus, now_ms=clock.now_ms)
    api = FeedbackApi(reader=reader, answers=answers, policy=policy, clock=clock)
    door = SurveyDoor(links=policy.links, reader=reader, answers=answers, clock=clock)
    descriptor = feedback_service_pb2.DESCRIPTOR.services_by_name["FeedbackService"]
    services = [Service(descriptor, api)]
    authenticator = Authenticator(
        keys=KeySet(settings.auth_jwks),
        issuer=settings.auth_issuer,
        audience=settings.auth_audience,
    )
    pipeline = Pipeline(authenticator=authenticator, catalogue=base.catalogue)
    routes: list[BaseRoute] = [
        *door.routes(),
        *connect.mount(services, pipeline=pipeline, max_message_bytes=settings.max_message_bytes),
    ]
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
    app = build_app(
        health=base.health,
        catalogue=base.catalogue,
        routes=routes,
        body_limit_bytes=BODY_BYTES_MAX,
        unlimited_prefixes=connect.prefixes(services),
    )
    http = HttpServer(
        app, host=settings.bind_host, port=settings.http_port, background=base.background
    )
    return grpc, http
