"""A run's figures: percentiles, latencies by the outside's clock, the verdict."""

from __future__ import annotations

import pytest

from local.demo.drain import Drained
from local.demo.figures import Figures, percentile
from local.demo.latency import Latencies, measure
from local.demo.result import Run, delivered_since
from local.verify import ledgers
from local.verify.finding import Finding, Kind, Report
from local.verify.world import MessageFact, ReplyFact, World

ISSUE_FIELDS = {
    "accepted",
    "offered",
    "assigned",
    "replied",
    "delivered",
    "resolved",
    "surveyed",
    "answered",
    "breached",
    "lost",
    "doubled",
    "violations",
    "webhook_to_offer_ms",
    "webhook_to_delivered_ms",
    "rss_mb",
}


def run_of(report: Report, *, empty: bool = True) -> Run:
    drained = Drained(empty, 1.0, {})
    latencies = Latencies((1.0, 3.0), ())
    return Run(10, 5, Figures(), 0, 0, drained, latencies, report, {"intake": 90.0})


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.99, 7),
        (list(range(1, 101)), 0.5, 50),
        (list(range(1, 101)), 0.99, 99),
        ([3, 1, 2], 0.5, 2),
    ],
)
def test_percentiles(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected


def test_the_json_has_the_fields_that_are_promised() -> None:
    document = run_of(Report(())).document()
    assert document.keys() >= ISSUE_FIELDS
    assert document["webhook_to_offer_ms"] == {"p50": 1.0, "p99": 3.0}
    assert document["webhook_to_delivered_ms"] == {"p50": None, "p99": None}


@pytest.mark.parametrize("kind", [Kind.LOST, Kind.DOUBLED, Kind.VIOLATION])
def test_a_run_fails_by_any_of_the_three(kind: Kind) -> None:
    assert not run_of(Report((Finding(kind, "x", "1", ""),))).succeeded


def test_a_run_succeeds_with_uncertain_ones_and_fails_with_a_backlog() -> None:
    assert run_of(Report((Finding(Kind.UNCERTAIN, "x", "1", ""),))).succeeded
    assert not run_of(Report(()), empty=False).succeeded


def test_latency_runs_from_the_first_webhook_to_the_first_offer_and_answer() -> None:
    world = World()
    for number, append_ms in ((1, 105), (2, 900)):
        world.add_message(MessageFact("sms", f"p{number}", f"m{number}", "c1", "p", append_ms))
    reply = ReplyFact("r1", "c1", "+1555", "hello", "REPLY", "", "SMS", "p")
    world.replies["r1"].append(reply)
    seen = ledgers.Ledgers(
        sent=[
            ledgers.Sent("twilio", "sms", "p2", "accepted", 890, run="now"),
            ledgers.Sent("twilio", "sms", "p1", "accepted", 100, run="now"),
        ],
        offers=[
            ledgers.SeenOffer("o2", "w1", "c1", "a1", 700, run="now"),
            ledgers.SeenOffer("o1", "w1", "c1", "a1", 130, run="now"),
        ],
        effects=[ledgers.Effect("SM1", "+1555", "hello", 180)],
    )
    assert measure(seen, world, run="now") == Latencies((30,), (80,))
    assert measure(seen, world, run="another") == Latencies((), ())


@pytest.mark.parametrize(
    ("channel", "status", "counted"),
    [
        ("SMS", "SENT", 0),
        ("SMS", "DELIVERED", 1),
        ("WHATSAPP", "READ", 1),
        ("TELEGRAM", "SENT", 1),
        ("TELEGRAM", "UNCERTAIN", 0),
    ],
)
def test_delivered_is_what_a_provider_tells_last_of_what_arrives(
    channel: str, status: str, counted: int
) -> None:
    world = World()
    reply = ReplyFact("r1", "c1", "+1555", "hello", "REPLY", "", channel, "p", append_ms=5)
    world.replies["r1"].append(reply)
    world.deliveries["r1"] = status
    assert delivered_since(world, 5) == counted
    assert delivered_since(world, 6) == 0
