"""What routing shows of itself, counted once what it counts is committed."""

from __future__ import annotations

from services.chassis.telemetry.metrics import Catalogue
from services.routing.core import events as ev
from services.routing.core.refusals import Rejection
from services.routing.core.triage import model as triage

WAIT_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 20, 60, 300, 900, 3600)


class Metrics:
    """Declared once a process; a listener of both processors."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._work = catalogue.counter(
            "routing_work_total",
            "work by what became of it; the last three by hand",
            labels={"step": "queued, changed, withdrawn, completed, assigned, moved, ranked"},
        )
        self._offers = catalogue.counter(
            "routing_offers_total",
            "offers made, and how they ended",
            labels={"step": "made, accepted, declined, timed_out, rescinded"},
        )
        self._exceptions = catalogue.counter(
            "routing_offers_repeated_total",
            "offers to an agent who had declined the same work, because nobody else could take it",
        )
        self._to_offer = catalogue.histogram(
            "routing_wait_seconds",
            "from the work's arrival to each of its offers, in log time",
            buckets=WAIT_SECONDS,
        )
        self._to_answer = catalogue.histogram(
            "routing_answer_seconds",
            "from an offer to the agent's yes, in log time",
            buckets=WAIT_SECONDS,
        )
        self._presence = catalogue.counter(
            "routing_presence_changes_total",
            "agents who came or went",
            labels={"presence": "five presences"},
        )
        self._triage = catalogue.counter(
            "routing_triage_total",
            "decisions of triage",
            labels={"step": "requested, changed, withdrawn, closed, workover"},
        )
        self._refused = catalogue.counter(
            "routing_commands_refused_total",
            "commands refused",
            labels={"reason": "a closed list"},
        )
        self.sessions = catalogue.gauge("routing_sessions", "agents' streams this process holds")
        self.heartbeats_failed = catalogue.counter(
            "routing_heartbeats_failed_total", "renewals of a session lease that Kafka did not take"
        )

    def hear(self, fact: object) -> None:
        """Count what was just committed; anything else is somebody else's."""
        if isinstance(fact, Rejection):
            self._refused.labels(fact.reason).inc()
        elif isinstance(fact, ev.PresenceChanged):
            self._presence.labels(fact.after.lower()).inc()
        elif (step := _WORK_STEPS.get(type(fact))) is not None:
            self._work.labels(step).inc()
        elif (step := _TRIAGE_STEPS.get(type(fact))) is not None:
            self._triage.labels(step).inc()
        else:
            self._hear_offer(fact)

    def _hear_offer(self, fact: object) -> None:
        match fact:
            case ev.OfferMade():
                self._offers.labels("made").inc()
                offer, verdict = fact.offer, fact.explanation.verdict
                work = next(w for w in fact.explanation.inputs.work if w.work_id == verdict.work_id)
                self._to_offer.observe(max(0, offer.offered_ms - work.rank[1]) / 1000)
                if verdict.exception:
                    self._exceptions.inc()
            case ev.OfferAccepted():
                self._offers.labels("accepted").inc()
                self._to_answer.observe(fact.answered_in_ms / 1000)
            case ev.OfferDeclined():
                self._offers.labels("declined").inc()
            case ev.OfferTimedOut():
                self._offers.labels("timed_out").inc()
            case ev.OfferRescinded():
                self._offers.labels("rescinded").inc()


_WORK_STEPS: dict[type[object], str] = {
    ev.WorkQueued: "queued",
    ev.WorkChanged: "changed",
    ev.WorkWithdrawn: "withdrawn",
    ev.WorkCompleted: "completed",
    ev.WorkAssigned: "assigned",
    ev.WorkMoved: "moved",
    ev.WorkReprioritised: "ranked",
}
_TRIAGE_STEPS: dict[type[object], str] = {
    kind: kind.__name__.lower()
    for kind in (
        triage.Requested,
        triage.Changed,
        triage.Withdrawn,
        triage.Closed,
        triage.WorkOver,
    )
}
