"""Calls outside of batches: one report each, whatever breaks, and none made twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from switchboard.intake.v1 import commands_pb2, model_pb2

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import Background
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.account import Account, IfUnseen
from services.intake.core.delivery.commands import Answer, ReportAttempt, ReportLookup, Sighting
from services.intake.core.delivery.model import Dispatch, Phase
from services.intake.core.model import Channel
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
NOT_CALLED = commands_pb2.PROVIDER_CONTACT_NOT_CALLED
UNTOLD = commands_pb2.PROVIDER_CONTACT_UNSPECIFIED
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
    other: Account | None = None
    other_away: bool = False
    accounts_away: bool = False
    ids_away: bool = False
    bus_away: int = 0
    reports: list[commands_pb2.OutboundMessage] = field(default_factory=list)

    async def read(self, account_id: str) -> Account | None:
        if self.accounts_away or (self.other_away and account_id == "wa"):
            raise StoreUnavailable("away")
        return self.other if account_id == "wa" else self.account

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

    async def effects(self, share: float = 1.0) -> Effects:
        made = Effects(
            accounts=AccountBook(self),
            senders=lambda _: {"twilio": self.provider},
            sent=self,
            bus=self,
            metrics=IntakeMetrics(Catalogue("intake"), SystemClock()),
            background=Background(),
            share=lambda: share,
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
    assert report.provider == "twilio"


NAMING = account(settings={"outside_window_account": "wa"})
OTHER = account(account_id="wa", channel=Channel.WHATSAPP, address="+4930555001")


@pytest.mark.parametrize(
    ("other", "goes"),
    [
        (OTHER, True),
        (None, False),
        (replace(OTHER, enabled=False), False),
        (replace(OTHER, tenant_id="somebody-else"), False),
        (replace(OTHER, provider="web"), False),
        (replace(OTHER, account_id=NAMING.account_id), False),
    ],
)
async def test_the_account_that_is_named_goes_along_if_it_can_send(
    other: Account | None, *, goes: bool
) -> None:
    report = (await World(account=NAMING, other=other).report_of(ATTEMPT)).attempt_result
    assert report.account_id == ATTEMPT.account_id
    assert report.HasField("detour") is goes
    if goes:
        told = (report.detour.account_id, report.detour.channel, report.detour.address)
        assert told == ("wa", model_pb2.CHANNEL_WHATSAPP, "+4930555001")


async def test_no_call_is_made_while_nobody_knows_the_account_that_is_named() -> None:
    world = World(account=NAMING, other_away=True)
    report = (await world.report_of(ATTEMPT)).attempt_result
    assert (report.error, report.retryable) == ("account_unreadable", True)
    assert world.provider.calls == []


async def test_a_look_up_knows_the_other_messages_of_its_lane() -> None:
    world = World(account=account(if_unseen=IfUnseen.FAIL))
    report = (await world.report_of(LOOKUP)).lookup_result
    assert report.sighting == commands_pb2.SIGHTING_FOUND
    assert report.uncertain_policy == model_pb2.UNCERTAIN_POLICY_FAIL
    assert world.provider.known_ids == {"SM-before"}


def _breaks() -> None:
    raise RuntimeError("a bug in a sender")


@pytest.mark.parametrize(
    ("world", "status", "retryable", "error", "contact"),
    [
        (World(account=None), FAILED, False, "account_unknown", NOT_CALLED),
        (World(account=account(enabled=False)), FAILED, False, "account_unknown", NOT_CALLED),
        (World(account=account(provider="web")), FAILED, False, "channel_cannot_send", NOT_CALLED),
        (World(accounts_away=True), FAILED, True, "account_unreadable", NOT_CALLED),
        (World(provider=Provider(_breaks)), UNCERTAIN, False, "outcome_lost", UNTOLD),
    ],
)
async def test_what_breaks_is_reported_as_what_is_known(
    world: World, status: int, retryable: bool, error: str, contact: int
) -> None:
    report = (await world.report_of(ATTEMPT)).attempt_result
    assert (report.status, report.retryable, report.error) == (status, retryable, error)
    assert report.contact == contact


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


def paced(per_second: str) -> World:
    """An account with a rate."""
    return World(account=account(settings={"messages_per_second": per_second}))


async def reports_of(world: World, *said: Dispatch, share: float = 1.0) -> list[Any]:
    """What becomes of several calls that are committed at once, in the order of their ends."""
    effects = await world.effects(share)
    for each in said:
        effects.hear(CallReady(each))
    await until(lambda: len(world.reports) == len(said), what="the reports")
    await effects.stop()
    return [report.attempt_result for report in world.reports]


@pytest.mark.parametrize(("per_second", "share"), [("0.01", 1.0), ("0.04", 0.25)])
async def test_who_has_long_to_wait_goes_back_without_a_call(per_second: str, share: float) -> None:
    """A process that has a quarter of the shards has a quarter of the rate."""
    world = paced(per_second)
    reports = await reports_of(world, ATTEMPT, replace(ATTEMPT, message_id="d-2"), share=share)
    (back,) = [report for report in reports if report.message_id == "d-2"]
    assert (back.status, back.retryable, back.error) == (FAILED, True, "paced")
    assert back.contact == NOT_CALLED
    assert 99_000 <= back.retry_after_ms <= 100_000
    assert world.provider.calls == ["send"]


async def test_who_has_not_long_to_wait_waits_here() -> None:
    world = paced("20")
    said = [replace(ATTEMPT, message_id=f"d-{number}") for number in range(4)]
    began = time.monotonic()
    reports = await reports_of(world, *said)
    assert time.monotonic() - began >= 0.15
    assert [report.status for report in reports] == [SENT] * 4
    assert [report.message_id for report in reports] == [each.message_id for each in said]


async def test_sms_wait_by_the_segment() -> None:
    world = paced("0.02")
    long = replace(ATTEMPT, text="x" * 161)  # two segments, a hundred seconds
    reports = await reports_of(world, long, replace(ATTEMPT, message_id="d-2"))
    (back,) = [report for report in reports if report.message_id == "d-2"]
    assert 99_000 <= back.retry_after_ms <= 100_000


async def test_a_look_up_does_not_wait_its_turn() -> None:
    world = paced("0.01")
    await reports_of(world, ATTEMPT, LOOKUP)
    assert sorted(world.provider.calls) == ["look_up", "send"]
