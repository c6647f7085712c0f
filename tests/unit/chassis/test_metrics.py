"""Metrics are declared with a meaning and bounded labels, in a registry of their own."""

from __future__ import annotations

import pytest

from services.chassis.telemetry.metrics import Catalogue


def test_what_is_declared_is_served_and_documented() -> None:
    catalogue = Catalogue("intake")
    counter = catalogue.counter(
        "intake_messages_total", "Messages accepted", labels={"channel": "eleven channels"}
    )
    seconds = catalogue.histogram("intake_accept_seconds", "Time to accept", buckets=(0.25, 1))
    catalogue.gauge("intake_backlog_messages", "Not yet threaded").set(3)
    counter.labels("SMS").inc()
    seconds.observe(0.2, {"trace_id": "ab"})
    text, kind = catalogue.exposition("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert b'intake_messages_total{channel="SMS"} 1.0' in text
    assert b'intake_accept_seconds_bucket{le="0.25"} 1.0 # {trace_id="ab"} 0.2' in text
    assert text.endswith(b"# EOF\n")
    assert catalogue.markdown().splitlines()[2] == (
        "| `intake_messages_total` | counter | Messages accepted | `channel`: eleven channels |"
    )


def test_plain_text_is_served_by_default() -> None:
    body, kind = Catalogue("intake", process=True).exposition()
    assert kind.startswith("text/plain")
    assert b"process_resident_memory_bytes" in body


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("counter", "intake_messages"),
        ("counter", "routing_messages_total"),
        ("gauge", "intake_backlog_total"),
        ("gauge", "intake_age_ms"),
        ("histogram", "intake_accept_milliseconds"),
        ("histogram", "accept_seconds"),
    ],
)
def test_names_that_mislead_are_refused(kind: str, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        getattr(Catalogue("intake"), kind)(name, "meaning")


def test_ids_are_no_labels() -> None:
    with pytest.raises(ValueError, match="unbounded"):
        Catalogue("intake").gauge("intake_x_items", "m", labels={"customer_id": "millions"})
