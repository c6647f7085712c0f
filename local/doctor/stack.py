"""Checks of a running stack: its processes, its servers and what they hold, its tokens."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import aiohttp
import asyncpg
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from local import provision, state
from local.doctor.check import Category, Check, holding
from local.home import Home
from local.ports import LOOPBACK
from local.postgres import migrate
from local.process import find

CLOCK_SKEW_S_MAX = 1.0
TIMEOUT_S = 5.0


def categories(home: Home, found: state.StackState) -> list[Category]:
    """Give the checks of the stack that runs under this data folder."""
    return [
        Category(
            "processes",
            [_alive(each) for each in found.processes],
        ),
        Category("kafka", [_topics(found)]),
        Category("postgres", [_database(found), _migrations(found), _clock(found)]),
        Category("services", [_serves(each) for each in found.processes if each.grpc_port]),
        Category("tokens", [_private(home)]),
    ]


def _alive(each: state.ProcessState) -> Check:
    async def run() -> str | None:
        alive = find(each.pid, created_s=each.created_s) is not None
        return holding(alive, f"{each.name} is {each.status}, exit code {each.exit_code}")

    hint = f"Read its log: switchboard logs {each.name}."
    return Check(f"{each.name} runs", hint, run)


def _topics(found: state.StackState) -> Check:
    async def run() -> str | None:
        drifts = await provision.topic_drifts(
            bootstrap=found.kafka_bootstrap, partitions=found.partitions
        )
        return holding(not drifts, "; ".join(map(str, drifts)))

    return Check(
        f"topics are as the registry wants them, {found.partitions} partitions each",
        "Create what is missing: switchboard topics apply.",
        run,
    )


def _database(found: state.StackState) -> Check:
    async def version(connection: asyncpg.Connection) -> str | None:
        number = str(await connection.fetchval("SHOW server_version"))
        return holding(number.startswith("18."), f"the server is version {number}")

    return Check(
        "PostgreSQL 18 answers",
        "Read its log: switchboard logs postgres.",
        _asking(found, version),
    )


def _migrations(found: state.StackState) -> Check:
    async def pending(connection: asyncpg.Connection) -> str | None:
        missing = []
        for service in provision.with_schema():
            await connection.execute(f"SET search_path = {service}")
            done = await migrate.applied(connection)
            wanted = {each.version for each in migrate.read(provision.migration_folders(service))}
            missing += [f"{service}/{version}" for version in sorted(wanted - done)]
        return holding(not missing, f"not applied: {', '.join(missing)}")

    return Check(
        "every migration is applied", "Apply them: switchboard migrate.", _asking(found, pending)
    )


def _clock(found: state.StackState) -> Check:
    async def skew(connection: asyncpg.Connection) -> str | None:
        server_s = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
        off_s = abs(server_s - time.time())
        return holding(off_s < CLOCK_SKEW_S_MAX, f"the clocks are {off_s:.1f} s apart")

    return Check(
        "the database's clock agrees with ours", "Set the machine's clock.", _asking(found, skew)
    )


def _asking(
    found: state.StackState, question: Callable[[asyncpg.Connection], Awaitable[str | None]]
) -> Callable[[], Awaitable[str | None]]:
    """Put a question to the database over a connection of its own."""

    async def run() -> str | None:
        connection = await asyncpg.connect(found.postgres_admin_dsn, timeout=TIMEOUT_S)
        try:
            return await question(connection)
        finally:
            await connection.close()

    return run


def _serves(each: state.ProcessState) -> Check:
    async def run() -> str | None:
        return await _unready(each) or await _grpc_error(each)

    hint = f"Read its log: switchboard logs {each.name}."
    return Check(f"{each.name} serves HTTP and gRPC", hint, run)


async def _unready(each: state.ProcessState) -> str | None:
    """What the process itself says it lacks."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    url = f"http://{LOOPBACK}:{each.http_port}/readyz"
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            said = await answer.json()
    except (aiohttp.ClientError, TimeoutError):
        return "nobody answers /readyz"
    lacking = [f"{name}: {why}" for name, why in said["checks"].items() if why != "ok"]
    return holding(said["ready"], f"/readyz says {', '.join(lacking)}")


async def _grpc_error(each: state.ProcessState) -> str | None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{each.grpc_port}") as channel:
        request = health_pb2.HealthCheckRequest()
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=TIMEOUT_S)
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    return holding(serving, "its gRPC health says that it doesn't serve")


def _private(home: Home) -> Check:
    async def run() -> str | None:
        secret = (home.signing_key, home.credentials, home.state)
        readable = [path.name for path in secret if path.stat().st_mode & 0o077]
        return holding(not readable, f"others may read {', '.join(readable)}")

    return Check("secrets are private", "Take the others' rights away: chmod 600.", run)
