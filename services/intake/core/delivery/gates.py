"""The gate before an account's attempts: its breaker, and its provider's word to wait.

A provider that does not answer costs one attempt a pause, whatever waits behind it. Look-ups pass
by: they send nothing, and end a doubt. So do other accounts: each has a gate of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from services.intake.core.delivery.commands import Contact, ReportAttempt
from services.intake.core.delivery.events import GateEvent, Missed, Opened, Shut, Unlatched
from services.intake.core.delivery.model import Barrier, Dispatch, Gate
from services.intake.core.delivery.policies import DeliveryPolicy

GateEvents = tuple[GateEvent, ...]


def on_contact(
    gate: Gate | None, subject: Dispatch, report: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> GateEvents:
    """What the end of an attempt says of the account's provider."""
    match report.contact:
        case Contact.ANSWERED:
            return () if gate is None or gate.is_shut else (Opened(gate.account_id),)
        case Contact.THROTTLED:
            return _throttled(gate, subject, report, now_ms, policy)
        case Contact.UNREACHABLE:
            return _unreachable(gate, subject, report, now_ms, policy)
        case Contact.NOT_CALLED | None:
            return ()
        case _:
            assert_never(report.contact)


def on_wake(gate: Gate | None, now_ms: int) -> GateEvents:
    """The pause of an account is over."""
    if gate is None or not gate.is_shut or now_ms < gate.until_ms:
        return ()
    return (Unlatched(gate.account_id),)


def evolve_gate(gate: Gate | None, event: GateEvent) -> Gate | None:
    """The gate after `event`; None where the account does well."""
    match event:
        case Missed():
            return Gate(
                account_id=event.account_id,
                tenant_id=event.tenant_id,
                provider=event.provider,
                failures=event.failures,
                since_ms=event.since_ms,
            )
        case Shut():
            return Gate(
                account_id=event.account_id,
                tenant_id=event.tenant_id,
                provider=event.provider,
                times=event.times,
                until_ms=event.until_ms,
                barrier=event.barrier,
            )
        case Unlatched():
            return gate and replace(gate, until_ms=0)
        case Opened():
            return None
        case _:
            assert_never(event)


def is_forgiven(gate: Gate | None, report: ReportAttempt) -> bool:
    """Whether an attempt says nothing against its message, `gate` being what it has led to."""
    if report.contact is Contact.UNREACHABLE:
        return gate is not None and gate.times > 0
    return report.contact in {Contact.THROTTLED, Contact.NOT_CALLED}


def _throttled(
    gate: Gate | None, subject: Dispatch, report: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> GateEvents:
    """Calls that were under way when the gate was shut may only make the wait longer."""
    if gate is not None and gate.is_shut:
        shut = _shut(Barrier.THROTTLED, max(gate.times, 1), subject, report, now_ms, policy)
        return (shut,) if shut.until_ms > gate.until_ms and report.retry_after_ms else ()
    times = gate.times + 1 if gate is not None else 1
    return (_shut(Barrier.THROTTLED, times, subject, report, now_ms, policy),)


def _unreachable(
    gate: Gate | None, subject: Dispatch, report: ReportAttempt, now_ms: int, policy: DeliveryPolicy
) -> GateEvents:
    """One more in a row; calls that were under way when the gate was shut add nothing."""
    if gate is not None and gate.is_shut:
        return ()
    if gate is not None and gate.is_ajar:
        return (_shut(Barrier.UNREACHABLE, gate.times + 1, subject, report, now_ms, policy),)
    fresh = gate is None or now_ms - gate.since_ms >= policy.failures_window_ms
    failures, since_ms = (
        (1, now_ms) if gate is None or fresh else (gate.failures + 1, gate.since_ms)
    )
    if failures >= policy.failures_max:
        return (_shut(Barrier.UNREACHABLE, 1, subject, report, now_ms, policy),)
    return (Missed(subject.account_id, subject.tenant_id, report.provider, failures, since_ms),)


def _shut(
    barrier: Barrier,
    times: int,
    subject: Dispatch,
    report: ReportAttempt,
    now_ms: int,
    policy: DeliveryPolicy,
) -> Shut:
    seed = f"{subject.message_id}/{report.attempt}"
    pause_ms = policy.shut_ms(barrier, times, report.retry_after_ms, seed)
    return Shut(
        account_id=subject.account_id,
        tenant_id=subject.tenant_id,
        provider=report.provider,
        barrier=barrier,
        until_ms=now_ms + pause_ms,
        times=times,
    )
