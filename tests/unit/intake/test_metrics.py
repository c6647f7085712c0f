"""What intake shows of its deliveries: segments, and providers that are away."""

from __future__ import annotations

from services.chassis.clock import SystemClock
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.delivery.model import Gate
from services.intake.core.sms import measure
from services.intake.metrics import IntakeMetrics
from tests.unit.intake.given import NOON_MS, TENANT


def shown(catalogue: Catalogue, name: str, **labels: str) -> float | None:
    return catalogue.registry.get_sample_value(name, labels)


def gate(account_id: str, provider: str) -> Gate:
    return Gate(account_id, TENANT, provider, times=1, until_ms=NOON_MS)


def test_segments_are_counted_by_encoding() -> None:
    catalogue = Catalogue("intake")
    metrics = IntakeMetrics(catalogue, SystemClock())
    for text in ("x" * 161, "x", "я" * 71):
        metrics.count_segments(measure(text))
    total = "intake_sms_segments_total"
    assert shown(catalogue, total, encoding="gsm7") == 3
    assert shown(catalogue, total, encoding="ucs2") == 2


def test_open_breakers_are_those_of_the_moment() -> None:
    catalogue, breakers = Catalogue("intake"), list[Gate]()
    metrics = IntakeMetrics(catalogue, SystemClock())
    metrics.watch_breakers(("twilio", "line"), lambda: breakers)
    assert shown(catalogue, "intake_breaker_open", provider="twilio") == 0
    breakers += [gate("a", "twilio"), gate("b", "twilio"), gate("e", "line")]
    assert shown(catalogue, "intake_breaker_open", provider="twilio") == 2
    assert shown(catalogue, "intake_breaker_open", provider="line") == 1
    breakers.clear()
    assert shown(catalogue, "intake_breaker_open", provider="twilio") == 0
