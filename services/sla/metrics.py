"""What the clocks show of themselves, counted once what they count is committed."""

from __future__ import annotations

from services.chassis.telemetry.metrics import Catalogue
from services.sla.core.events import ClockCorrected, ClockStepped, ClockWarned
from services.sla.core.model import Clock, StepKind

DETECTION_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600, 3600)


class Metrics:
    """A listener of the engine."""

    def __init__(self, catalogue: Catalogue) -> None:
        by_clock = {"metric": "what a clock measures", "tier": "four service tiers"}
        self._steps = catalogue.counter(
            "sla_clock_steps_total",
            "clocks started, paused, resumed, met, breached, cancelled, stopped, corrected",
            labels={**by_clock, "step": "these eight"},
        )
        self._warnings = catalogue.counter(
            "sla_warnings_total",
            "warnings given",
            labels={**by_clock, "percent": "the policy's thresholds"},
        )
        self._detection = catalogue.histogram(
            "sla_breach_detection_seconds",
            "from the deadline to the moment the breach was noticed, in log time",
            buckets=DETECTION_SECONDS,
        )

    def hear(self, fact: object) -> None:
        """Count an event of the clocks; anything else is somebody else's."""
        match fact:
            case ClockStepped():
                self._count(fact.clock, fact.kind.lower())
                if fact.kind is StepKind.BREACHED and fact.clock.detected_at_ms is not None:
                    late_ms = max(0, fact.clock.detected_at_ms - fact.at_ms)
                    self._detection.observe(late_ms / 1000)
            case ClockCorrected():
                self._count(fact.clock, "corrected")
            case ClockWarned():
                metric, tier = _labels(fact.clock)
                self._warnings.labels(metric, tier, fact.percent).inc()

    def _count(self, clock: Clock, step: str) -> None:
        self._steps.labels(*_labels(clock), step).inc()


def _labels(clock: Clock) -> tuple[str, str]:
    return clock.course.metric.lower(), clock.course.tier.lower()
