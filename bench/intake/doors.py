"""Signed webhooks at our edge and at a bare one: as fast as they go, at a rate, and far beyond."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import uuid4

import grpc
import psutil
from switchboard.intake.v1 import account_service_pb2, model_pb2
from switchboard.intake.v1.account_service_pb2_grpc import AccountServiceStub

from bench.path.floor import open_account
from bench.path.rig import Rig
from bench.path.webhooks import IDLE_SECONDS_MAX, Line, Webhook, sms
from local import ports, process
from local.demo.retrying import call
from local.ports import LOOPBACK
from local.process import Command
from services.chassis.rpc import client
from services.intake.shell.topics import INPUTS

TENANT: Final = "bench"
LINES: Final = 32
LINES_BEYOND: Final = 500
SIGNED_A_SECOND: Final = 4000
RATE: Final = 300
BEYOND: Final = 5
HARMED_RATE: Final = 100
HARM_SECONDS: Final = 0.2
"""So long a hostile one is let hang."""
HARM_RATE: Final = 20
"""So often a second each kind of them comes; more of it is a flood, which `beyond` looks at."""
SIDES: Final = ("bare", "ours")


@dataclass(slots=True)
class Edge:
    """A running edge and what is posted to it."""

    rig: Rig
    port: int
    path: str
    _senders: Iterator[int]

    def webhooks(self, count: int) -> list[Webhook]:
        """Messages of people who have never written before."""
        return [
            sms(
                port=self.port,
                path=self.path,
                sender=f"+49172{number:08d}",
                number=number,
                secrets=self.rig.secrets,
                key=str(number),
            )
            for number in itertools.islice(self._senders, count)
        ]


@dataclass(frozen=True, slots=True)
class Beyond:
    """What came back from far more than can be taken."""

    accepted_a_second: float
    accepted_ms: list[float]
    refused_ms: list[float]


@asynccontextmanager
async def open_edges(rig: Rig, folder: Path) -> AsyncIterator[dict[str, Edge]]:
    """Both edges, on one broker."""
    await rig.start([rig.unit("intake")])
    async with client.channel(f"ipv4:{LOOPBACK}:{rig.unit('intake').grpc_port}") as channel:
        await open_account(rig, TENANT, channel)
        await _open_form(rig, channel)
    await rig.stop(["intake"])
    unit = rig.unit("intake")
    argv = (*unit.command.argv[:-1], "bench.intake.edge")
    await rig.start([replace(unit, command=replace(unit.command, argv=argv))])
    [port] = ports.free_ports(1)
    bare = process.start(
        Command(
            name="bare",
            argv=(
                *(sys.executable, "-m", "bench.intake.bare", "--topic", INPUTS),
                *("--bootstrap", rig.plan.kafka_bootstrap, "--port", str(port)),
            ),
            log=folder / "bare.log",
            cwd=unit.command.cwd,
            env={**unit.command.env, "BARE_TOKEN": rig.secrets.twilio_auth_token},
        )
    )
    senders = itertools.count()
    edges = {
        "bare": Edge(rig, port, "/webhooks", senders),
        "ours": Edge(rig, unit.http_port, f"/webhooks/twilio/{TENANT}-sms", senders),
    }
    try:
        await _listens(port)
        yield edges
    finally:
        process.stop(bare, grace_s=5.0)
        await rig.stop(["intake"])


async def fastest(edge: Edge, seconds: float) -> float:
    """Accepted webhooks a second over `LINES` connections that never rest.

    They are signed beforehand, and a fast edge may be through with them before the time is over.
    """
    webhooks = iter(edge.webhooks(int(seconds * SIGNED_A_SECOND)))
    begin, done = time.perf_counter(), 0

    async def post() -> None:
        nonlocal done
        line = await _line(edge)
        for webhook in webhooks:
            if await line.ask(webhook.request) // 100 != 2:
                raise RuntimeError("a webhook was refused")
            done += 1
            if time.perf_counter() - begin > seconds:
                break
        line.close()

    await asyncio.gather(*(post() for _ in range(LINES)))
    return done / (time.perf_counter() - begin)


async def latencies_ms(edge: Edge, rate: int, seconds: float) -> list[float]:
    """Milliseconds of each webhook at a rate, whatever comes back."""
    return (await beyond(edge, rate, seconds)).accepted_ms


async def beyond(edge: Edge, rate: float, seconds: float) -> Beyond:
    """Post at a rate that does not care what can be taken: an open loop, timed from each due time.

    A provider has so many connections and no more: what finds none waits for one.
    """
    webhooks = enumerate(edge.webhooks(int(rate * seconds)))
    lines = await asyncio.gather(*(_line(edge) for _ in range(LINES_BEYOND)))
    accepted: list[float] = []
    refused: list[float] = []
    begin = time.perf_counter()

    async def post(line: Line) -> None:
        for number, webhook in webhooks:
            due = begin + number / rate
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            if line.used_at and time.perf_counter() - line.used_at > IDLE_SECONDS_MAX:
                line.close()
                line = await _line(edge)
            status = await line.ask(webhook.request)
            if status // 100 != 2 and status != 503:
                raise RuntimeError(f"a webhook was answered with {status}")
            took_ms = (time.perf_counter() - due) * 1000
            (refused if status == 503 else accepted).append(took_ms)
        line.close()

    await asyncio.gather(*map(post, lines))
    return Beyond(len(accepted) / (time.perf_counter() - begin), accepted, refused)


async def beside_harm(edge: Edge, seconds: float) -> tuple[list[float], list[float], float]:
    """Milliseconds of webhooks alone and beside hostile requests, and the MB that these add."""
    server = psutil.Process(edge.rig.running["intake"].pid)
    alone = await latencies_ms(edge, HARMED_RATE, seconds)
    before = server.memory_info().rss
    stop = asyncio.Event()
    harm = [asyncio.create_task(_harm(edge, kind, stop)) for kind in _HARM]
    beside = await latencies_ms(edge, HARMED_RATE, seconds)
    stop.set()
    await asyncio.gather(*harm)
    return alone, beside, (server.memory_info().rss - before) / 1e6


async def _harm(edge: Edge, kind: str, stop: asyncio.Event) -> None:
    """One who does nothing else: a connection a time, for as long as it is answered or let hang."""
    due = time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        due = max(due, time.perf_counter()) + 1 / HARM_RATE
        reader, writer = await asyncio.open_connection(LOOPBACK, edge.port)
        writer.write(_HARM[kind])
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(reader.read(), HARM_SECONDS)
        writer.close()


def _request(body: bytes, *, announced: int = 0) -> bytes:
    head = (
        f"POST /forms/{TENANT}-form HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"connection: close\r\ncontent-length: {announced or len(body)}\r\n\r\n"
    )
    return head.encode() + body


_HARM: Final = {
    "nested": _request(b"[" * 50_000 + b"]" * 50_000),
    "large": _request(b" " * 200_000),
    "announced": _request(b"", announced=1 << 30),
    "trickling": _request(b"{", announced=100),
    "packed": _request(gzip.compress(b"a" * 10_000_000)),
}


def p50(values: list[float]) -> float:
    """The median; 0 of nothing."""
    return median(values) if values else 0.0


def p99(values: list[float]) -> float:
    """All but one in a hundred are faster; 0 of nothing."""
    return quantiles(values, n=100)[98] if len(values) > 1 else 0.0


async def _open_form(rig: Rig, channel: grpc.aio.Channel) -> None:
    """A form that anybody may post to, for those who mean harm."""
    account = model_pb2.Account(
        account_id=f"{TENANT}-form",
        channel=model_pb2.CHANNEL_FORM,
        provider="web",
        address="contact",
        enabled=True,
    )
    admin = client.metadata(rig.issuer.sign(subject="bench", roles=["admin"], tenant=TENANT))
    upsert = account_service_pb2.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    await call(AccountServiceStub(channel).UpsertAccount, upsert, metadata=admin)


async def _line(edge: Edge) -> Line:
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(Line, LOOPBACK, edge.port)
    return line


async def _listens(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
