"""Broker, database and services of one run, in a folder of their own; ends all it has started."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from local import credentials, process
from local.credentials import Credentials
from local.home import Home
from local.issuer import Issuer
from local.kafka import server as kafka
from local.process import Command
from local.provision import apply_topics, migrate_all
from local.supervisor import plan
from local.supervisor.plan import Plan
from local.supervisor.unit import Unit

OURS = ("intake", "routing")
SERVERS = ("kafka", "postgres")
START_SECONDS = 60.0


@dataclass(slots=True)
class Rig:
    """The servers, running; services and loops come and go between the contests."""

    home: Home
    plan: Plan
    secrets: Credentials
    issuer: Issuer
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def unit(self, service: str) -> Unit:
        """How a service of ours is started, and where it listens."""
        return next(unit for unit in self.plan.services if unit.service == service)

    async def start(self, units: Iterable[Unit]) -> None:
        """Start processes side by side; returns once all of them serve."""
        units = list(units)
        for unit in units:
            self.running[unit.service] = process.start(_lasting(unit.next_command()))
        await asyncio.gather(*(self._serves(unit) for unit in units))

    async def stop(self, names: Iterable[str]) -> None:
        """Ask processes to drain and end; returns once they are gone."""
        ending = [self.running.pop(name) for name in names if name in self.running]
        await asyncio.gather(
            *(asyncio.to_thread(process.stop, each, grace_s=30.0) for each in ending)
        )

    async def database(self, name: str) -> str:
        """Create an empty database; gives the administrator's address of it."""
        connection = await asyncpg.connect(self.plan.postgres_admin_dsn)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return f"{self.plan.postgres_admin_dsn.rpartition('/')[0]}/{name}"

    def pids(self, names: Iterable[str]) -> Mapping[str, int]:
        """These processes, and the servers that they use."""
        return {name: self.running[name].pid for name in (*SERVERS, *names)}

    async def _serves(self, unit: Unit) -> None:
        child = self.running[unit.service]
        async with asyncio.timeout(START_SECONDS):
            while not await unit.probe(child.pid):
                if child.poll() is not None:
                    last = process.tail(unit.command.log)
                    raise RuntimeError(f"{unit.name} ended with {child.returncode}{last}")
                await asyncio.sleep(0.1)


def _lasting(command: Command) -> Command:
    """`command` as a broker is run that stays: its code compiled as well as it can be."""
    return replace(command, argv=tuple(part for part in command.argv if part != kafka.QUICK))


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Rig]:
    """Start Kafka and Postgres under `folder`, with our topics and schemas."""
    home = Home(folder)
    home.create()
    issuer = Issuer(home)
    drawn = plan.make(home, plan.Options(services=OURS))
    rig = Rig(home, drawn, credentials.load(home), issuer)
    servers = [server for server in drawn.servers if server.unit.service in SERVERS]
    try:
        await asyncio.gather(*(asyncio.to_thread(server.prepare) for server in servers))
        await rig.start(server.unit for server in servers)
        await migrate_all(admin_dsn=drawn.postgres_admin_dsn, credentials=rig.secrets)
        await apply_topics(bootstrap=drawn.kafka_bootstrap, partitions=drawn.partitions)
        yield rig
    finally:
        await rig.stop([name for name in rig.running if name not in SERVERS])
        await rig.stop(SERVERS)
