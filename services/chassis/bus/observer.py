"""What a processor shows of itself: metrics, readiness, and a line for every dead letter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import structlog

from services.chassis.bus.batch import Batch
from services.chassis.health import Health
from services.chassis.telemetry.metrics import Catalogue

UNREADY_AFTER_SECONDS: Final = 10.0
BY_PROCESSOR: Final = {"processor": "the processors of this service"}

log = structlog.get_logger(__name__)


class EngineMetrics:
    """Declared once a process; every processor of it writes its own label."""

    def __init__(self, catalogue: Catalogue) -> None:
        def counter(name: str, meaning: str) -> Any:
            return catalogue.counter(name, meaning, labels=BY_PROCESSOR)

        def gauge(name: str, meaning: str) -> Any:
            return catalogue.gauge(name, meaning, labels=BY_PROCESSOR)

        self.records = counter("chassis_records_total", "records applied")
        self.batches = counter("chassis_batches_total", "batches committed")
        self.timers = counter("chassis_timers_fired_total", "timers fired")
        self.letters = counter("chassis_dead_letters_total", "records set aside")
        self.commit = catalogue.histogram(
            "chassis_batch_seconds", "from fetch to commit of a batch", labels=BY_PROCESSOR
        )
        self.shards = gauge("chassis_shards", "shards this process owns")
        self.lag = gauge("chassis_lag_records", "records that are in the log and not applied")
        self.unpublished = gauge("chassis_unpublished_records", "committed, not yet in Kafka")


class Observer:
    """The watcher of one engine."""

    def __init__(self, processor: str, *, metrics: EngineMetrics, health: Health) -> None:
        self._check = f"processor {processor}"
        self._processor = processor
        self._health = health
        self._failing_since: float | None = None
        self._records = metrics.records.labels(processor)
        self._batches = metrics.batches.labels(processor)
        self._timers = metrics.timers.labels(processor)
        self._letters = metrics.letters.labels(processor)
        self._commit = metrics.commit.labels(processor)
        self._shards = metrics.shards.labels(processor)
        self._lag = metrics.lag.labels(processor)
        self._unpublished = metrics.unpublished.labels(processor)
        health.failing(self._check, "has not joined its group")

    def committed(self, batch: Batch[Any], seconds: float) -> None:
        """A batch was committed."""
        self._records.inc(batch.records)
        self._batches.inc()
        self._commit.observe(seconds)
        if batch.timers_fired:
            self._timers.inc(batch.timers_fired)
        for letter in batch.letters:
            self._letters.inc()
            log.error(
                "dead_letter",
                processor=self._processor,
                letter_id=letter.dead_letter_id,
                entity=letter.entity,
                error=letter.error,
            )

    def failing(self, error: Exception | None) -> None:
        """Database or broker is away, or (None) back. Not ready once it has been so for 10 s."""
        if error is None:
            self._failing_since = None
            self._health.passing(self._check)
            return
        since = self._failing_since = self._failing_since or time.monotonic()
        if time.monotonic() - since > UNREADY_AFTER_SECONDS:
            self._health.failing(self._check, f"cannot go on: {error}")

    def assigning(self) -> None:
        """The group is being balanced: shards are taken and their state is loaded."""
        self._health.failing(self._check, "loads its shards")

    def assigned(self, numbers: Sequence[int]) -> None:
        """Every shard is loaded."""
        self._shards.set(len(numbers))
        self._health.passing(self._check)
        log.info("assigned", processor=self._processor, shards=list(numbers))

    def refused(self, error: Exception) -> None:
        """The shards must not be taken by this process."""
        self._shards.set(0)
        self._health.failing(self._check, str(error))

    def measured(self, *, lag: int, unpublished: int) -> None:
        """How far the owned shards are behind their logs, and Kafka behind the outbox."""
        self._lag.set(lag)
        self._unpublished.set(unpublished)
