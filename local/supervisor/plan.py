"""What the stack consists of: servers, what fills them, and the services' processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local import credentials, environment
from local.files import read_json, write_json
from local.home import Home
from local.kafka import server as kafka
from local.ports import assign
from local.postgres import server as postgres
from local.process import Command
from local.supervisor.unit import Unit, http_probe, plain_probe

SERVICES = ("intake", "routing", "sla", "feedback", "insights", "console")
STATEFUL = ("intake", "routing", "sla", "feedback")
PARTITIONS = 8
SERVICE_GRACE_S = 25.0


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """A server, what prepares its folder (blocking), and the program that fills it."""

    unit: Unit
    prepare: Callable[[], None]
    provision: Command | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the supervisor is to run."""

    servers: tuple[ServerPlan, ...]
    services: tuple[Unit, ...]
    kafka_bootstrap: str
    partitions: int
    postgres_admin_dsn: str


@dataclass(frozen=True, slots=True)
class Options:
    """What the person at the keyboard chose."""

    services: tuple[str, ...] = SERVICES
    replicas: Mapping[str, int] | None = None
    partitions: int = PARTITIONS

    def instances(self) -> list[tuple[str, str]]:
        """Give (service, process name) of every process."""
        counts = self.replicas or {}
        return [
            (service, f"{service}-{number}")
            for service in self.services
            for number in range(1, counts.get(service, 1) + 1)
        ]


def make(home: Home, options: Options) -> Plan:
    """Draw the plan: choose ports, remember them, build every command line."""
    secrets = credentials.load(home)
    ports = _ports(home, [name for _, name in options.instances()])
    broker = kafka.single(
        folder=home.kafka, broker_port=ports["kafka"], controller_port=ports["kafka-controller"]
    )
    database = postgres.PostgresServer(
        folder=home.postgres, port=ports["postgres"], password=secrets.postgres_password
    )
    world = environment.World(
        home=home,
        credentials=secrets,
        kafka_bootstrap=broker.bootstrap,
        partitions=options.partitions,
        postgres_port=ports["postgres"],
        ports=ports,
    )
    return Plan(
        servers=(
            _broker(broker, home, secrets.kafka_cluster_id),
            _database(database, home),
            _simulator(world),
        ),
        services=tuple(_service(world, service, name) for service, name in options.instances()),
        kafka_bootstrap=broker.bootstrap,
        partitions=options.partitions,
        postgres_admin_dsn=database.dsn(database=environment.DATABASE),
    )


def _ports(home: Home, names: Sequence[str]) -> dict[str, int]:
    """Give every listener its port, the one it had the last time where that is free."""
    listeners = ["kafka", "kafka-controller", "postgres", "simulator-http", "simulator-smtp"]
    listeners += [f"{name}-{protocol}" for name in names for protocol in ("http", "grpc")]
    remembered = {name: int(port) for name, port in read_json(home.ports).items()}
    ports = assign(listeners, remembered=remembered)
    write_json(home.ports, remembered | ports)
    return ports


def _broker(server: kafka.KafkaServer, home: Home, cluster_id: str) -> ServerPlan:
    server_log = home.log(f"kafka-{server.node.id}")
    return ServerPlan(
        unit=Unit(
            service="kafka",
            command=server.command(log=server_log),
            probe=plain_probe(lambda _pid: server.is_ready()),
            stop_signal=kafka.STOP_SIGNAL,
        ),
        prepare=lambda: server.prepare(cluster_id=cluster_id),
        provision=_cli(home, "topics", "apply"),
    )


def _database(server: postgres.PostgresServer, home: Home) -> ServerPlan:
    return ServerPlan(
        unit=Unit(
            service="postgres",
            command=server.command(log=home.log("postgres")),
            probe=plain_probe(server.is_ready),
            stop_signal=postgres.STOP_SIGNAL,
        ),
        prepare=server.prepare,
        provision=_cli(home, "migrate"),
    )


def _simulator(world: environment.World) -> ServerPlan:
    port = world.ports["simulator-http"]
    return ServerPlan(
        unit=Unit(
            service="simulator",
            command=_python(
                world.home, "simulator", ("local.simulator",), environment.simulator(world)
            ),
            probe=http_probe(port, "/healthz"),
            http_port=port,
        ),
        prepare=lambda: None,
    )


def _service(world: environment.World, service: str, name: str) -> Unit:
    http_port, grpc_port = world.ports[f"{name}-http"], world.ports[f"{name}-grpc"]
    return Unit(
        service=service,
        command=_python(
            world.home,
            name,
            ("local.serve", f"services.{service}"),
            environment.service(world, service=service, name=name),
        ),
        probe=http_probe(http_port, "/readyz"),
        http_port=http_port,
        grpc_port=grpc_port,
        grace_s=SERVICE_GRACE_S,
        once=world.home.once(name),
    )


def _python(home: Home, name: str, program: tuple[str, ...], env: Mapping[str, str]) -> Command:
    return Command(
        name=name,
        argv=(sys.executable, "-m", *program),
        log=home.log(name),
        cwd=home.path,
        env={**environment.interpreter(), **env},
    )


def _cli(home: Home, *arguments: str) -> Command:
    return Command(
        name=arguments[0],
        argv=(sys.executable, "-m", "local.cli", *arguments, "--home", str(home.path)),
        log=home.log(arguments[0]),
        cwd=Path.cwd(),
        env=environment.interpreter(),
    )
