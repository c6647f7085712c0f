"""A contact center on an ordinary day, as the console's upstreams would tell it."""

from __future__ import annotations

import time

from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import model_pb2 as routing
from switchboard.routing.v1.routing_service_pb2 import WatchQueuesResponse
from switchboard.sla.v1 import model_pb2 as sla

from tests.support.upstreams import Upstreams

POOLS = ("billing", "orders", "returns", "technical", "vip")
NAMES = (
    *("Ann", "Bob", "Cid", "Amara Okafor", "Bruno Keller", "Chloé Martin", "Elif Yıldız"),
    *("Farid Haddad", "Grace Liu", "Hugo Lindqvist", "Ines Ferreira", "Keiko Tanaka"),
    *("Mei Chen", "Noor Rahman", "Olga Petrova", "Pedro Álvarez", "Sven Larsen", "Tara Singh"),
)
WAITING, OFFERED, HELD = (
    routing.WORK_STATE_QUEUED,
    routing.WORK_STATE_OFFERED,
    routing.WORK_STATE_ASSIGNED,
)
DUE_IN_S = (-134, -5, 38, 95, 200, 410, 900, 1_900, 3_600, 7_000)
TARGET_S = 3_600
MINUTE_MS = 60_000


def furnish(up: Upstreams) -> None:
    """Queues, agents, clocks and an hour of figures. Two wait for billing, nobody for orders."""
    now_ms = time.time_ns() // 1_000_000
    _work(up, now_ms)
    _agents(up, now_ms)
    _clocks(up, now_ms)
    _figures(up, now_ms - now_ms % MINUTE_MS)


def _work(up: Upstreams, now_ms: int) -> None:
    lines = {"billing": (2, 1, 4), "orders": (0, 1, 3), "returns": (5, 0, 2), "vip": (0, 0, 1)}
    for pool in POOLS:
        up.queues.queues.add(pool=pool)
    for pool, numbers in lines.items():
        for state, number in zip((WAITING, OFFERED, HELD), numbers, strict=True):
            for at in range(number):
                up.queues.work.add(
                    work_id=f"{pool} {state} {at}",
                    pool=pool,
                    state=state,
                    arrived_at_ms=now_ms - (17 + 31 * at) * 1000,
                    agent_id=_id(NAMES[at]) if state == HELD else "",
                )


def _agents(up: Upstreams, now_ms: int) -> None:
    presences = (
        *(routing.PRESENCE_AVAILABLE, routing.PRESENCE_NO_ANSWER, routing.PRESENCE_OFFLINE),
        *(routing.PRESENCE_AVAILABLE, routing.PRESENCE_BUSY, routing.PRESENCE_AVAILABLE),
        routing.PRESENCE_AWAY,
    )
    for at, name in enumerate(NAMES):
        presence = presences[at % len(presences)]
        up.agents.append(
            routing.Agent(
                agent_id=_id(name),
                display_name=name,
                presence=presence,
                capacity=100,
                used_capacity=(0, 40, 75, 100, 20)[at % 5],
                idle_since_ms=now_ms - (30 + 41 * at) * 1000,
                pools=[POOLS[at % 5], POOLS[(at + 2) % 5]],
            )
        )


def _clocks(up: Upstreams, now_ms: int) -> None:
    metrics = (sla.CLOCK_METRIC_FIRST_RESPONSE, sla.CLOCK_METRIC_RESOLUTION)
    tiers = (
        *(intake.SERVICE_TIER_INSPIRING, intake.SERVICE_TIER_BASIC),
        *(intake.SERVICE_TIER_EXCELLENT, intake.SERVICE_TIER_EXPECTED),
    )
    for at, seconds in enumerate(DUE_IN_S):
        up.clocks.clocks.add(
            clock_id=f"clock {at}",
            conversation_id=f"{at:x}9f3c7e1-conversation",
            metric=metrics[at % 2],
            tier=tiers[at % 4],
            state=sla.CLOCK_STATE_RUNNING,
            due_at_ms=now_ms + seconds * 1000,
            target_ms=TARGET_S * 1000,
        )


def _figures(up: Upstreams, minute_ms: int) -> None:
    for back in range(60):
        wave = 9 - abs(back % 34 - 17) // 2
        up.kpis.snapshot.windows.add(
            window_start_ms=minute_ms - back * MINUTE_MS,
            inbound=wave + back * 7 % 5,
            resolved=max(0, wave - 2 + back * 5 % 4),
            clocks_breached=int(back in (12, 40)),
            revision=60 - back,
        )
    shares = {
        "service_level": ("within_goal / assigned", 0.88, 412, 0.85, 0.91),
        "clocks_kept": ("clocks_met / (clocks_met + clocks_breached)", 0.96, 530, 0.94, 0.98),
        "csat": ("csat_satisfied / csat_answers", 0.92, 52, 0.82, 0.97),
    }
    for name, (formula, value, n, low, high) in shares.items():
        up.kpis.indicators.add(
            name=name, formula=formula, unit=1, value=value, n=n, low=low, high=high
        )
    up.kpis.indicators.add(
        name="average_wait", formula="wait_ms_sum / assigned", unit=2, value=13_400, n=412
    )


def _id(name: str) -> str:
    return name.split(" ", maxsplit=1)[0].lower()


def queued(work_id: str, pool: str) -> WatchQueuesResponse:
    """A customer begins to wait."""
    step = WatchQueuesResponse()
    now = time.time_ns() // 1_000_000
    step.change.event_id, step.change.pool = f"queued {work_id}", pool
    step.change.work_id, step.change.conversation_id = work_id, f"of {work_id}"
    step.change.occurred_at_ms = now
    step.change.queued.reason = "requested"
    work = step.change.queued.work
    work.work_id, work.pool, work.arrived_at_ms = work_id, pool, now
    work.state = routing.WORK_STATE_QUEUED
    return step
