"""Record headers against the CloudEvents binding, and partitions against Kafka's own vectors."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2

from services.chassis.bus import headers
from services.chassis.bus.headers import ReadStamp
from services.chassis.bus.store import Stamp

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"


def made(subject: str = "") -> dict[str, bytes]:
    found = headers.event(
        "switchboard.intake.v1.IntakeInput",
        event_id="e-1",
        source="/intake/threader",
        time_ms=1_775_034_000_007,
        subject=subject,
    )
    assert len(dict(found)) == len(found)
    return dict(found)


def test_the_attributes_of_cloudevents_in_binary_mode() -> None:
    assert made(subject="conversation/c") == {
        "ce_specversion": b"1.0",
        "ce_id": b"e-1",
        "ce_type": b"switchboard.intake.v1.IntakeInput",
        "ce_source": b"/intake/threader",
        "ce_time": b"2026-04-01T09:00:00.007Z",
        "ce_subject": b"conversation/c",
        "content-type": b"application/protobuf",
    }


def test_optional_attributes_are_left_out_rather_than_empty() -> None:
    assert not {"ce_subject", "traceparent"} & made().keys()


def test_trace_context_goes_in_its_own_header_and_keeps_its_flags() -> None:
    found = headers.event("T", event_id="e", source="/s", time_ms=0, traceparent=TRACE)

    assert ("traceparent", TRACE) in found


def test_headers_are_a_list() -> None:
    """A tuple would lose the trace context on its way through aiokafka's instrumentation."""
    assert type(headers.event("T", event_id="e", source="/s", time_ms=0)) is list


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, b"1970-01-01T00:00:00.000Z"),
        (951_782_399_999, b"2000-02-28T23:59:59.999Z"),
        (1_709_164_800_001, b"2024-02-29T00:00:00.001Z"),
    ],
)
def test_times_are_rfc_3339_to_the_millisecond(time_ms: int, text: bytes) -> None:
    assert headers.rfc3339(time_ms) == text


@pytest.mark.parametrize("place", [(0, 0), (1, 1), (7, 2**40)])
def test_a_stamp_reads_as_it_was_written(place: tuple[int, int]) -> None:
    given = headers.stamp("intake.threader", 3, Stamp(*place))

    assert ReadStamp.of(given) == ReadStamp("intake.threader", 3, *place)


def test_a_record_of_an_edge_has_no_stamp() -> None:
    assert ReadStamp.of([("ce_id", b"e")]) is None


KAFKA = {  # clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), KAFKA.items())
def test_keys_hash_as_in_kafka(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


@pytest.mark.parametrize(("key", "signed"), KAFKA.items())
@pytest.mark.parametrize("partitions", [1, 8, 32, 50])
def test_keys_go_where_kafka_s_default_partitioner_sends_them(
    key: bytes, signed: int, partitions: int
) -> None:
    assert headers.partition_for(key, partitions) == (signed & 0x7FFFFFFF) % partitions
