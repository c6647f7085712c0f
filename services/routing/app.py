"""The only wiring of the service: which part gets which."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from switchboard.routing.v1 import (
    agent_service_pb2,
    policy_service_pb2,
    routing_service_pb2,
)

from services.chassis.bus import topics
from services.chassis.bus.commands import CommandBus
from services.chassis.bus.kafka import EdgeProducer
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.bus.tail import Tail
from services.chassis.bus.watch import Watch
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import App
from services.chassis.process import Process
from services.chassis.rpc.methods import Service
from services.routing.core.policies import DEFAULT_POLICY
from services.routing.metrics import Metrics
from services.routing.settings import RoutingSettings
from services.routing.shell.commands import Commands
from services.routing.shell.consumers.matcher import Matcher
from services.routing.shell.consumers.triage import Triage
from services.routing.shell.grpc_api.agent_api import AgentApi
from services.routing.shell.grpc_api.conversing import Conversing
from services.routing.shell.grpc_api.interventions import Interventions
from services.routing.shell.grpc_api.policy_api import PolicyApi
from services.routing.shell.grpc_api.routing_api import RoutingApi
from services.routing.shell.sessions.hub import Sessions
from services.routing.shell.sessions.lease import Lease
from services.routing.shell.store import RoutingStore
from services.routing.shell.topics import EVENTS
from services.routing.shell.watching import QueueWatch

SERVICE = "routing"


def build(settings: RoutingSettings) -> App:
    """One process of the service, ready to be run."""
    process, clock = Process(SERVICE, settings), SystemClock()
    postgres = process.postgres()
    metrics = Metrics(process.catalogue)
    producer = EdgeProducer(settings.kafka_bootstrap, f"{SERVICE}@{socket.gethostname()}")
    bus = CommandBus(producer, PostgresStore(postgres), source=SERVICE)
    partitions = topics.load()[EVENTS].partition_count(settings.partitions)
    tail = Tail(EVENTS, bootstrap=settings.kafka_bootstrap, partitions=partitions)
    commands = Commands(bus, clock, timeout_s=settings.command_seconds)
    store = RoutingStore(postgres)
    sessions = Sessions(
        Lease(commands=commands, background=process.background, metrics=metrics),
        commands=commands,
        store=store,
        tail=tail,
        background=process.background,
        metrics=metrics,
    )
    triage = process.processing(Triage(DEFAULT_POLICY), postgres)
    matcher = process.processing(Matcher(DEFAULT_POLICY), postgres)
    triage.engine.listeners += [metrics.hear]
    matcher.engine.listeners += [sessions.hear, bus.hear, metrics.hear]
    watch = QueueWatch(Watch(tail, postgres), store, clock=clock)
    parts = _Parts(clock, store, commands, sessions, watch)
    grpc, http = process.doors(_services(parts))
    return process.app(postgres, producer, triage, matcher, tail, sessions, grpc, http)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the doors share."""

    clock: SystemClock
    store: RoutingStore
    commands: Commands
    sessions: Sessions
    watch: QueueWatch


def _services(parts: _Parts) -> list[Service]:
    store, commands = parts.store, parts.commands
    conversing = Conversing(
        sessions=parts.sessions, commands=commands, store=store, clock=parts.clock
    )
    agents = AgentApi(store=store, commands=commands, conversing=conversing)
    interventions = Interventions(store=store, commands=commands)
    routing = RoutingApi(
        store=store, interventions=interventions, watch=parts.watch, clock=parts.clock
    )
    files = {
        agent_service_pb2: ("AgentService", agents),
        routing_service_pb2: ("RoutingService", routing),
        policy_service_pb2: ("PolicyService", PolicyApi(DEFAULT_POLICY)),
    }
    return [
        Service(file.DESCRIPTOR.services_by_name[name], servicer)
        for file, (name, servicer) in files.items()
    ]
