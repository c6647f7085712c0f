"""Calls outside of batches: one report each, whatever breaks, and none made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from switchboard.intake.v1 import commands_pb2, model_pb2

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account, IfUnseen
from services.intake.core.delivery.commands import Answer, ReportAttempt, ReportLookup, Sighting
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.metrics import IntakeMetrics
from services.intake.shell import effects as module
from services.intake.shell.accounts import AccountBook
from services.intake.shell.consumers.delivery import CallReady
from services.intake.shell.effects import Effects
from tests.support.waiting import until
from tests.unit.intake.doors import account
from tests.unit.intake.given import dispatch

SENT = model_pb2.DELIVERY_STATUS_SENT
FAILED = model_pb2.DELIVERY_STATUS_FAILED
UNCERTAIN = model_pb2.DELIVERY_STATUS_UNCERTAIN
ATTEMPT = replace(dispatch(), phase=Phase.ATTEMPTING, attempts=1)
LOOKUP = replace(dispatch(), phase=Phase.LOOKING_UP, attempts=1, lookups=1)


@dataclass
class Provider:
    """A sender that does as it is told, and remembers its calls."""

    act: Callable[[], None] = lambda: None
    hold: asyncio.Event | None = None
    calls: list[str] = field(default_factory=list)
    known_ids: frozenset[str] = frozenset()

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        self.calls.append("send")
        if self.hold is not None:
            await self.hold.wait()
        self.act()
        return ReportAttempt(dispatch.message_id, dispatch.attempts, Answer.ACCEPTED, "SM9")

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        self.calls.append("look_up")
        self.known_ids = known_ids
        self.act()
        return ReportLookup(dispatch.message_id, dispatch.lookups, Sighting.FOUND, "SM9")


@dataclass
class World:
    """Accounts, a bus and a store that can be away."""

    provider: Provider = field(default_factory=Provider)
    account: Account | None = field(default_factory=account)
    accounts_away: bool = False
    ids_away: bool = False
    bus_away: int = 0
    reports: list[commands_pb2.OutboundMessage] = field(default_factory=list)

    async def read(self, account_id: str) -> Account | None:
        if self.accounts_away:
            raise StoreUnavailable("away")
        return self.account

    async def sent_ids(self, account_id: str, home_id: str, *, since_ms: int) -> frozenset[str]:
        if self.ids_away:
            raise StoreUnavailable("away")
        return frozenset({"SM-before"})

    async def publish(self, topic: str, key: str, message: commands_pb2.OutboundMessage) -> None:
        if self.bus_away:
            self.bus_away -= 1
            raise BusUnavailable("away")
        assert (topic, key) == ("intake.outbound.v1", ATTEMPT.lane)
        self.reports.append(message)

    async def effects(self) -> Effects:
        made = Effects(
            accounts=AccountBook(self),
            senders=lambda _: {"twilio": self.provider},
            sent=self,
            bus=self,
            metrics=IntakeMetrics(Catalogue("intake"), SystemClock()),
            background=Background(),
        )
        await made.start()
        return made

    async def report_of(self, said: Dispatch) -> commands_pb2.OutboundMessage:
        """The one report that follows from a committed call."""
        effects = await self.effects()
        effects.hear(CallReady(said))
        await until(lambda: self.reports, what="a report")
        await effects.stop()
        (report,) = self.reports
        return report


async def test_a_call_is_made_once_and_reported() -> None:
    world = World()
    report = (await world.report_of(ATTEMPT)).attempt_result
    assert world.provider.calls == ["send"]
    assert (report.attempt, report.status, report.provider_message_id) == (1, SENT, "SM9")


async def test_a_look_up_knows_the_other_messages_of_its_lane() -> None:
    world = World(account=account(if_unseen=IfUnseen.FAIL))
    report = (await world.report_of(LOOKUP)).lookup_result
    assert report.sighting == commands_pb2.SIGHTING_FOUND
    assert report.uncertain_policy == model_pb2.UNCERTAIN_POLICY_FAIL
    assert world.provider.known_ids == {"SM-before"}


def _breaks() -> None:
    raise RuntimeError("a bug in a sender")


@pytest.mark.parametrize(
    ("world", "status", "retryable", "error"),
    [
        (World(account=None), FAILED, False, "account_unknown"),
        (World(account=account(enabled=False)), FAILED, False, "account_unknown"),
        (World(account=account(provider="web")), FAILED, False, "channel_cannot_send"),
        (World(accounts_away=True), FAILED, True, "account_unreadable"),
        (World(provider=Provider(_breaks)), UNCERTAIN, False, "outcome_lost"),
    ],
)
async def test_what_breaks_is_reported_as_what_is_known(
    world: World, status: int, retryable: bool, error: str
) -> None:
    report = (await world.report_of(ATTEMPT)).attempt_result
    assert (report.status, report.retryable, report.error) == (status, retryable, error)


@pytest.mark.parametrize(
    "world",
    [World(account=None), World(ids_away=True), World(provider=Provider(_breaks))],
)
async def test_a_look_up_that_breaks_has_seen_nothing(world: World) -> None:
    report = (await world.report_of(LOOKUP)).lookup_result
    assert report.sighting == commands_pb2.SIGHTING_UNAVAILABLE


async def test_doubt_ends_where_nothing_could_be_sent() -> None:
    """The process that was to call died before: on a channel without a way out nothing happened."""
    world = World(account=account(provider="web"))
    report = (await world.report_of(LOOKUP)).attempt_result
    assert (report.attempt, report.status, report.error) == (1, FAILED, "channel_cannot_send")


async def test_a_report_is_put_again_until_kafka_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPORT_RETRY_SECONDS", 0.001)
    world = World(bus_away=3)
    assert (await world.report_of(ATTEMPT)).attempt_result.status == SENT
    assert world.provider.calls == ["send"]


async def test_calls_of_another_process_are_lost_and_not_made_again() -> None:
    world = World()
    effects = await world.effects()
    effects.adopt([ATTEMPT])
    await until(lambda: world.reports, what="a report")
    await effects.stop()
    assert world.reports[0].attempt_result.error == "outcome_lost"
    assert world.provider.calls == []


async def test_a_call_that_this_process_is_still_making_is_not_lost() -> None:
    world = World(provider=Provider(hold=asyncio.Event()))
    effects = await world.effects()
    effects.hear(CallReady(ATTEMPT))
    await until(lambda: world.provider.calls, what="the call")
    effects.adopt([ATTEMPT])  # the shard came back to us
    assert world.provider.hold is not None
    world.provider.hold.set()
    await until(lambda: world.reports, what="a report")
    await effects.stop()
    assert [report.attempt_result.status for report in world.reports] == [SENT]


async def test_a_drain_waits_for_calls_and_reports_them() -> None:
    world = World(provider=Provider(hold=asyncio.Event()))
    effects = await world.effects()
    effects.hear(CallReady(ATTEMPT))
    await until(lambda: world.provider.calls, what="the call")
    stopping = asyncio.create_task(effects.stop())
    assert world.provider.hold is not None
    world.provider.hold.set()
    await stopping
    assert [report.attempt_result.status for report in world.reports] == [SENT]


async def test_a_drain_leaves_what_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.01)
    world = World(provider=Provider(hold=asyncio.Event()))
    effects = await world.effects()
    effects.hear(CallReady(ATTEMPT))
    await until(lambda: world.provider.calls, what="the call")
    await effects.stop()
    assert world.reports == []  # the next owner reports it as lost
