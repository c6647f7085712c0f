"""The counter as a process of its own, to be killed: `python -m tests.support.counter_service`."""

from __future__ import annotations

import os

from pydantic import SecretStr

from services.chassis.bus.engine import Cluster
from services.chassis.bus.observer import EngineMetrics, Observer
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.bus.processing import Processing
from services.chassis.health import DRAINING, Health
from services.chassis.lifecycle import App, Background, run
from services.chassis.postgres.pool import CHECK, Postgres
from services.chassis.telemetry import logs
from services.chassis.telemetry.metrics import Catalogue
from tests.support.counter import Counter


def build() -> App:
    health, background = Health(CHECK, DRAINING), Background()
    name = os.environ.get("COUNTER_NAME", "counter.sum")
    postgres = Postgres(
        SecretStr(os.environ["COUNTER_DSN"]),
        application=name,
        health=health,
        background=background,
    )
    partitions = int(os.environ["COUNTER_PARTITIONS"])
    processing = Processing(
        Counter(
            name,
            inputs=os.environ["COUNTER_INPUTS"].split(","),
            totals=os.environ["COUNTER_TOTALS"],
        ),
        store=PostgresStore(postgres),
        cluster=Cluster(
            bootstrap=os.environ["COUNTER_KAFKA"],
            partitions=partitions,
            partitions_of=lambda _topic: partitions,
            owner=f"counter-{os.getpid()}",
        ),
        observer=Observer(name, metrics=EngineMetrics(Catalogue("counter")), health=health),
        background=background,
    )
    return App(
        name="counter",
        components=[postgres, processing],
        health=health,
        background=background,
        shutdown_seconds=20,
    )


if __name__ == "__main__":
    logs.configure(service="counter", level="INFO")
    run(build)
