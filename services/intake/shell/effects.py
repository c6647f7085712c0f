"""Makes the calls that delivery has committed, outside of any batch, and reports how they ended.

A call is made by the process that committed its attempt, once. Its report goes through the log like
any other input. What a process leaves behind when it dies is reported as unknown by the next owner
of the shard; nothing here ever makes a call again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import structlog
from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.failpoint import declare, failpoint
from services.chassis.lifecycle import Background
from services.intake.core.account import Account, IfUnseen
from services.intake.core.delivery.commands import (
    Answer,
    Contact,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.model import Channel, Detour
from services.intake.core.sms import measure
from services.intake.metrics import IntakeMetrics
from services.intake.ports import Sender
from services.intake.shell.accounts import AccountBook
from services.intake.shell.consumers.delivery import CallReady
from services.intake.shell.pacing import NEAR_SECONDS, Pacer
from services.intake.shell.topics import OUTBOUND
from services.intake.shell.wire import deliveries

BEFORE_CALL: Final = declare("effects.before_call", "an attempt is committed, its call not made")
AFTER_CALL: Final = declare("effects.after_call", "a call has ended, nobody has been told")
DRAIN_SECONDS: Final = 6.0
REPORT_RETRY_SECONDS: Final = 0.5
LOOK_BACK_MS: Final = 3_600_000
KEEPALIVE_SECONDS: Final = 10.0
"""Below what providers keep: a call into a connection that is being closed has an unknown end."""

log = structlog.get_logger(__name__)

Key = tuple[str, Phase, int]
Make = Callable[[Dispatch, Account, Sender], Awaitable[commands_pb2.OutboundMessage]]


class Bus(Protocol):
    """Where reports go."""

    async def publish(self, topic: str, key: str, message: commands_pb2.OutboundMessage) -> None:
        """Return once all replicas have it; raises `BusUnavailable`."""


class SentIds(Protocol):
    """Which provider ids of a lane are known already."""

    async def sent_ids(self, account_id: str, home_id: str, *, since_ms: int) -> frozenset[str]:
        """Ids of messages that were attempted since. Raises `StoreUnavailable`."""


class Effects:
    """A component: hears of committed attempts, calls, reports."""

    name = "effects"

    def __init__(
        self,
        *,
        accounts: AccountBook,
        senders: Callable[[ClientSession], Mapping[str, Sender]],
        sent: SentIds,
        bus: Bus,
        metrics: IntakeMetrics,
        background: Background,
        share: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """`share`: this process's part of all shards, and so of every account's rate."""
        self._accounts = accounts
        self._make_senders = senders
        self._senders: Mapping[str, Sender] = {}
        self._session: ClientSession | None = None
        self._sent = sent
        self._bus = bus
        self._metrics = metrics
        self._background = background
        self._share = share
        self._pacer = Pacer()
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    def hear(self, fact: object) -> None:
        """An engine's listener: an attempt or a look-up was just committed."""
        if isinstance(fact, CallReady):
            failpoint(BEFORE_CALL)
            self._spawn(fact.dispatch, lost=False)

    def adopt(self, dispatches: Sequence[Dispatch]) -> None:
        """Calls that were committed before this process had their shard: nobody knows of them."""
        for dispatch in dispatches:
            if _key(dispatch) not in self._tasks:
                self._spawn(dispatch, lost=True)

    async def start(self) -> None:
        """Open the client. The core bounds the calls, so it never waits for a connection."""
        connector = TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS)
        self._session = ClientSession(connector=connector, cookie_jar=DummyCookieJar())
        self._senders = self._make_senders(self._session)

    async def stop(self) -> None:
        """Let calls end and be reported; what is left is unknown to the next owner."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=DRAIN_SECONDS)
        for task in self._tasks.values():
            task.cancel()
        if self._session is not None:
            await self._session.close()

    def _spawn(self, dispatch: Dispatch, *, lost: bool) -> None:
        key = _key(dispatch)
        # A report that fails in an unforeseen way would hold up its lane: then the process ends.
        task = self._background.spawn(self._run(dispatch, lost=lost), name="provider call")
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))
        self._metrics.calls.open.set(len(self._tasks))

    async def _run(self, dispatch: Dispatch, *, lost: bool) -> None:
        said = _lost(dispatch) if lost else await self._call(dispatch)
        failpoint(AFTER_CALL)
        while True:
            try:
                await self._bus.publish(OUTBOUND, dispatch.lane, said)
            except BusUnavailable:
                await asyncio.sleep(REPORT_RETRY_SECONDS)
            else:
                self._metrics.calls.open.set(len(self._tasks) - 1)
                return

    async def _call(self, dispatch: Dispatch) -> commands_pb2.OutboundMessage:
        """The report of the call. A bug in a sender is an unknown outcome, and is logged."""
        try:
            account = await self._accounts.get(dispatch.account_id)
        except StoreUnavailable:
            return _not_called(dispatch, Answer.NOT_ACCEPTED, "account_unreadable")
        if account is None or not account.enabled:
            return _not_called(dispatch, Answer.REFUSED, "account_unknown")
        sender = self._senders.get(account.provider)
        if sender is None:
            return _cannot_send(dispatch)
        if dispatch.phase is Phase.LOOKING_UP:
            return await self._timed(self._look_up, dispatch, account, sender)
        wait_s = self._wait_seconds(dispatch, account)
        if wait_s > NEAR_SECONDS:
            return _not_called(dispatch, Answer.NOT_ACCEPTED, "paced", wait_s=wait_s)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        try:
            detour = await self._detour(account)
        except StoreUnavailable:
            return _not_called(dispatch, Answer.NOT_ACCEPTED, "account_unreadable")
        return await self._timed(partial(self._send, detour), dispatch, account, sender)

    async def _detour(self, account: Account) -> Detour | None:
        """The account that this one names, if it is there and can send.

        It is read before the call, whose end cannot wait for a database that is away.
        """
        named = account.outside_window_account
        other = await self._accounts.get(named) if named else None
        if other is None or not other.enabled or other.tenant_id != account.tenant_id:
            return None
        if other.account_id == account.account_id or other.provider not in self._senders:
            return None
        return Detour(other.account_id, other.channel, other.address)

    def _wait_seconds(self, dispatch: Dispatch, account: Account) -> float:
        """Until the message's turn, where the account's rate is stated. SMS are paid by segment."""
        rate = account.messages_per_second
        if rate is None:
            return 0.0
        weight = measure(dispatch.text).segments if dispatch.channel is Channel.SMS else 1
        return self._pacer.wait_seconds(
            account.account_id,
            dispatch.message_id,
            per_second=rate * self._share(),
            weight=weight,
        )

    async def _timed(
        self, make: Make, dispatch: Dispatch, account: Account, sender: Sender
    ) -> commands_pb2.OutboundMessage:
        began = time.perf_counter()
        try:
            return await make(dispatch, account, sender)
        except Exception:
            log.exception("provider_call_broke", component=account.provider)
            return _lost(dispatch)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.calls.seconds.labels(account.provider).observe(seconds)

    async def _send(
        self, detour: Detour | None, dispatch: Dispatch, account: Account, sender: Sender
    ) -> commands_pb2.OutboundMessage:
        told = await sender.send(dispatch, account)
        report = replace(told, provider=account.provider, detour=detour)
        if report.contact is not Contact.NOT_CALLED:
            self._metrics.calls.ended.labels(account.provider, "send", report.answer.lower()).inc()
        return deliveries.attempt_result(dispatch, report)

    async def _look_up(
        self, dispatch: Dispatch, account: Account, sender: Sender
    ) -> commands_pb2.OutboundMessage:
        since_ms = dispatch.attempted_at_ms - LOOK_BACK_MS
        try:
            known = await self._sent.sent_ids(
                dispatch.account_id, dispatch.home_id, since_ms=since_ms
            )
        except StoreUnavailable:
            return _lost(dispatch)
        report = await sender.look_up(dispatch, account, known_ids=known)
        self._metrics.calls.ended.labels(account.provider, "look_up", report.sighting.lower()).inc()
        return deliveries.lookup_result(dispatch, report, account.if_unseen)


def _key(dispatch: Dispatch) -> Key:
    looking_up = dispatch.phase is Phase.LOOKING_UP
    number = dispatch.lookups if looking_up else dispatch.attempts
    return (dispatch.message_id, dispatch.phase, number)


def _lost(dispatch: Dispatch) -> commands_pb2.OutboundMessage:
    """Nobody knows how the call ended, or whether it was made."""
    return _attempt_or_look_up(
        dispatch,
        ReportAttempt(
            dispatch.message_id, dispatch.attempts, Answer.UNKNOWN, reason="outcome_lost"
        ),
    )


def _not_called(
    dispatch: Dispatch, answer: Answer, reason: str, *, wait_s: float = 0.0
) -> commands_pb2.OutboundMessage:
    """The report of a call that was not made."""
    return _attempt_or_look_up(dispatch, _uncalled(dispatch, answer, reason, wait_s=wait_s))


def _cannot_send(dispatch: Dispatch) -> commands_pb2.OutboundMessage:
    """A channel without a way out has surely sent nothing: that ends an attempt in doubt, too."""
    attempt = _uncalled(dispatch, Answer.REFUSED, "channel_cannot_send")
    return deliveries.attempt_result(dispatch, attempt)


def _uncalled(
    dispatch: Dispatch, answer: Answer, reason: str, *, wait_s: float = 0.0
) -> ReportAttempt:
    return ReportAttempt(
        dispatch.message_id,
        dispatch.attempts,
        answer,
        reason=reason,
        retry_after_ms=math.ceil(wait_s * 1000),
        contact=Contact.NOT_CALLED,
    )


def _attempt_or_look_up(dispatch: Dispatch, attempt: ReportAttempt) -> commands_pb2.OutboundMessage:
    """The report of an attempt; a look-up in its place has seen nothing."""
    if dispatch.phase is Phase.LOOKING_UP:
        unseen = ReportLookup(dispatch.message_id, dispatch.lookups, Sighting.UNAVAILABLE)
        return deliveries.lookup_result(dispatch, unseen, IfUnseen.HOLD)
    return deliveries.attempt_result(dispatch, attempt)
