"""One run: set the scene, let the traffic flow, wait for its end, judge it."""

from __future__ import annotations

import uuid

from local import credentials
from local.demo import latency, result
from local.demo.drain import drain
from local.demo.figures import Figures
from local.demo.order import Order
from local.demo.people import planted_at
from local.demo.places import Places
from local.demo.progress import Progress
from local.demo.retrying import PATIENCE_S
from local.demo.stage import Stage
from local.demo.traffic import flow
from local.home import Home
from local.issuer import Issuer
from local.ledgerbook import Book, now_ms
from local.state import StackState, load
from local.verify.run import examine

DRAIN_DEADLINE_S = PATIENCE_S + 60.0


async def perform(
    home: Home, state: StackState, order: Order, *, figures: Figures, progress: Progress
) -> result.Run:
    """Drive the stack through its public doors and judge what came of it."""
    book = Book(home.ledgers)
    places = Places(state, credentials.load(home), Issuer(home), book)
    run, began_ms = uuid.uuid4().hex[:8], now_ms()
    try:
        async with Stage(places, order, figures, run) as stage:
            progress.phase("setting the scene")
            await stage.set_scene(home)
            progress.phase("traffic")
            await flow(order, stage.script, stage.doors.send)
            progress.phase("draining")
            drained = await drain(state, is_idle=stage.is_idle, deadline_s=DRAIN_DEADLINE_S)
            rss_mb = result.resident_mb(load(home))
        progress.phase("judging")
        evidence = await examine(home, state)
    finally:
        book.close()
    return result.Run(
        rate=order.rate,
        seconds=order.seconds,
        figures=figures,
        delivered=result.delivered_since(evidence.world, began_ms),
        breached=result.breached_since(evidence.world, began_ms),
        drained=drained,
        latencies=latency.measure(evidence.ledgers, evidence.world, run=run),
        report=evidence.report,
        rss_mb=rss_mb,
        planted=planted_at(order.doors),
    )
