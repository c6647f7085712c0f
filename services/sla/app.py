"""The only wiring of the service: which part gets which."""

from __future__ import annotations

from switchboard.sla.v1 import sla_service_pb2

from services.chassis.bus import topics
from services.chassis.bus.tail import Tail
from services.chassis.bus.watch import Watch
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import App
from services.chassis.postgres.pool import Postgres
from services.chassis.process import Process
from services.chassis.rpc.methods import Service
from services.sla.core.policies import STANDARD_TABLE
from services.sla.metrics import Metrics
from services.sla.settings import SlaSettings
from services.sla.shell import consumers
from services.sla.shell.grpc_api import SlaApi
from services.sla.shell.ledger import EVENTS
from services.sla.shell.store import ClockStore
from services.sla.shell.watching import ClockWatch

SERVICE = "sla"
APART_SECONDS = 0.1  # between batches: a batch for each record costs more than the records


def build(settings: SlaSettings) -> App:
    """One process of the service, ready to be run."""
    process = Process(SERVICE, settings)
    postgres = process.postgres()
    clocks = process.processing(
        consumers.Clocks(STANDARD_TABLE), postgres, apart_seconds=APART_SECONDS
    )
    clocks.engine.listeners.append(Metrics(process.catalogue).hear)
    tail = Tail(
        EVENTS,
        bootstrap=settings.kafka_bootstrap,
        partitions=topics.load()[EVENTS].partition_count(settings.partitions),
    )
    grpc, http = process.doors(_services(postgres, tail))
    return process.app(postgres, clocks, tail, grpc, http)


def _services(postgres: Postgres, tail: Tail) -> list[Service]:
    clock, reader = SystemClock(), ClockStore(postgres)
    watch = ClockWatch(Watch(tail, postgres), reader, clock=clock)
    api = SlaApi(reader=reader, watch=watch, policies=STANDARD_TABLE, clock=clock)
    return [Service(sla_service_pb2.DESCRIPTOR.services_by_name["SlaService"], api)]
