"""Windows and dead letters into Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from switchboard.engine.v1.records_pb2 import DeadLetter

from services.chassis.bus import headers
from services.chassis.bus.fates import BusUnavailable
from services.chassis.bus.kafka import KafkaPublisher
from services.chassis.bus.outbox import Outgoing
from services.insights.core.model import Window
from services.insights.shell import wire

SOURCE = "/insights/windows"


class KafkaFeed:
    """Publishes in order of keys; what is published twice is the same both times."""

    def __init__(self, publisher: KafkaPublisher, *, partitions: int) -> None:
        self._publisher = publisher
        self._partitions = partitions

    async def start(self) -> None:
        """Connect; waits for a broker."""
        await self._publisher.start()

    async def publish(self, windows: Sequence[Window]) -> None:
        """Tell of windows. Raises `BusUnavailable`."""
        await self._send(wire.WINDOWS, map(_window, windows))

    async def set_aside(self, letters: Sequence[DeadLetter]) -> None:
        """Put away records that cannot be read. Raises `BusUnavailable`."""
        await self._send(wire.DEAD_LETTERS, map(_letter, letters))

    async def _send(self, topic: str, records: Iterable[Outgoing]) -> None:
        by_place: dict[tuple[str, int], list[Outgoing]] = {}
        for record in records:
            place = topic, headers.partition_for(record.key, self._partitions)
            by_place.setdefault(place, []).append(record)
        if not by_place:
            return
        try:
            await self._publisher.publish(by_place)
        except BusUnavailable:
            await self._publisher.renew()
            raise


def _window(window: Window) -> Outgoing:
    event = wire.window_event(window)
    sent = headers.event(
        event.DESCRIPTOR.full_name,
        event_id=event.event_id,
        source=SOURCE,
        time_ms=window.updated_at_ms,
    )
    key = f"{window.key.tenant_id}/{window.key.pool}/{window.key.channel}"
    return Outgoing(key.encode(), event.SerializeToString(), sent)


def _letter(letter: DeadLetter) -> Outgoing:
    sent = headers.event(
        DeadLetter.DESCRIPTOR.full_name,
        event_id=letter.dead_letter_id,
        source=SOURCE,
        time_ms=letter.failed_ms,
    )
    return Outgoing(letter.key, letter.SerializeToString(), sent)
