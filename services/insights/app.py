"""The only wiring of the service: which part gets which."""

from __future__ import annotations

import os
import socket

from switchboard.insights.v1 import insights_service_pb2

from services.chassis.bus.kafka import KafkaPublisher
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import App
from services.chassis.postgres.pool import Postgres
from services.chassis.process import Process
from services.chassis.rpc.methods import Service
from services.insights.handlers import Folding
from services.insights.metrics import Metrics
from services.insights.settings import InsightsSettings
from services.insights.shell.counting import Assembly, ConsumerLog, Counting
from services.insights.shell.feed import KafkaFeed
from services.insights.shell.grpc_api import InsightsApi
from services.insights.shell.hub import Hub
from services.insights.shell.keeping import Keeping
from services.insights.shell.parts import FaustParts
from services.insights.shell.store import PostgresStore
from services.insights.shell.stream import PROCESSOR, Inbox, add_agent, build_app
from services.insights.shell.watching import KpiWatch

SERVICE = "insights"


def build(settings: InsightsSettings) -> App:
    """One process of the service, ready to be run."""
    process = Process(SERVICE, settings)
    metrics, clock = Metrics(process.catalogue), SystemClock()
    postgres = process.postgres()
    store = PostgresStore(postgres, clock=clock)
    hub = Hub(store)
    counting = _counting(settings, process, store, metrics)
    counting.saved.append(hub.wake)
    days = settings.keep_days
    keeping = Keeping(store, days=days, clock=clock, background=process.background)
    watch = KpiWatch(hub, store, clock=clock, metrics=metrics)
    api = InsightsApi(store=store, watch=watch, clock=clock)
    service = Service(insights_service_pb2.DESCRIPTOR.services_by_name["InsightsService"], api)
    grpc, http = process.doors([service])
    return process.app(postgres, counting, keeping, hub, grpc, http)


async def rebuild(settings: InsightsSettings) -> int:
    """Drop all windows; running processes begin again at the start of the topics.

    Returns the new generation.
    """
    postgres: Postgres = Process(SERVICE, settings).postgres()
    await postgres.start()
    try:
        return await PostgresStore(postgres, clock=SystemClock()).rebuild()
    finally:
        await postgres.stop()


def _counting(
    settings: InsightsSettings, process: Process, store: PostgresStore, metrics: Metrics
) -> Counting:
    owner = f"{socket.gethostname()}-{os.getpid()}"
    publisher = KafkaPublisher(settings.kafka_bootstrap, f"{PROCESSOR}@{owner}")
    feed = KafkaFeed(publisher, partitions=settings.partitions)

    def assemble(generation: int) -> Assembly:
        app = build_app(
            bootstrap=settings.kafka_bootstrap,
            owner=owner,
            generation=generation,
            partitions=settings.partitions,
            replicas=settings.replicas,
        )
        parts = FaustParts(app, partitions=settings.partitions)
        folding = Folding(parts=parts, store=store, log=ConsumerLog(app), feed=feed)
        inbox = Inbox(folding, goal_ms=settings.service_level_ms, metrics=metrics)
        add_agent(app, inbox, process.background)
        return app, folding, inbox

    return Counting(
        store=store,
        assemble=assemble,
        feed=feed,
        flush_seconds=settings.flush_seconds,
        health=process.health,
        background=process.background,
        metrics=metrics,
    )
