"""The provider of text messages: takes calls, forgets to answer, lists late, reports twice.

What it has taken it delivers, so its book is the list of effects. It knows nothing that the real
one would not: it is told no idempotency key, and dates to the second.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from typing import TYPE_CHECKING, Any

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt, ReportLookup, Sighting
from services.intake.core.delivery.model import Dispatch
from services.intake.core.delivery.windows import OUTSIDE_WINDOW
from services.intake.shell.channels.calls import CALL_SECONDS
from services.intake.shell.channels.protocol import Reported
from services.intake.shell.channels.twilio_sender import _recognised
from services.intake.shell.channels.twilio_sms import StatusHook
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs
from tests.simulation.doors import posted

if TYPE_CHECKING:
    from tests.simulation.weather import Weather
    from tests.simulation.world import World

CALL_MS = round(CALL_SECONDS * 1000)


@dataclass(slots=True, eq=False)
class Call:
    """A request on its way, of the process that makes it."""

    owner: str
    dispatch: Dispatch
    known_ids: frozenset[str] | None  # of a look-up; None for a message
    began_ms: int
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that the provider has taken, and so will deliver."""

    sid: str
    message_id: str
    account: Account
    recipient: str
    text: str
    taken_ms: int


class Provider:
    """One provider for all accounts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._account_of: dict[str, Account] = {}
        self.calls: list[Call] = []
        self.book: list[Taken] = []
        self.turned_away: list[Taken] = []  # after it had said that it took them
        self.receipts: list[tuple[Taken, str]] = []  # those on their way, with their status

    # called by processes

    async def send(self, owner: str, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """A call that ends when the provider gets to it."""
        self._account_of[account.account_id] = account
        answer: ReportAttempt = await self._call(owner, dispatch, None)
        return answer

    async def look_up(
        self, owner: str, dispatch: Dispatch, known_ids: frozenset[str]
    ) -> ReportLookup:
        """A question that is answered when the provider gets to it."""
        answer: ReportLookup = await self._call(owner, dispatch, known_ids)
        return answer

    async def _call(self, owner: str, dispatch: Dispatch, known: frozenset[str] | None) -> Any:
        answer = asyncio.get_running_loop().create_future()
        self.calls.append(Call(owner, dispatch, known, self._world.clock(), answer))
        return await answer

    def cut(self, owner: str) -> None:
        """A process died: what it was sending has arrived, or has not."""
        for call in [call for call in self.calls if call.owner == owner]:
            self.calls.remove(call)
            if call.known_ids is None and self._dice.random() < 0.5:
                self._take(call)

    # moved by the simulation

    @property
    def is_busy(self) -> bool:
        """Whether a call or a receipt is on its way."""
        return bool(self.calls or self.receipts)

    async def act(self) -> str:
        """Answer a call, or bring a receipt; says which."""
        which = self._dice.randrange(len(self.calls) + len(self.receipts))
        if which < len(self.calls):
            return self._answer(self.calls.pop(which))
        return await self._report(which - len(self.calls))

    @property
    def _dice(self) -> Random:
        return self._world.dice

    @property
    def _weather(self) -> Weather:
        return self._world.weather

    def _answer(self, call: Call) -> str:
        report = self._look_up(call) if call.known_ids is not None else self._send(call)
        call.answer.set_result(report)
        what = report.sighting if isinstance(report, ReportLookup) else report.answer
        return f"{call.owner} calls about {call.dispatch.message_id[:8]}: {what.lower()}"

    def _send(self, call: Call) -> ReportAttempt:
        dispatch, is_late = call.dispatch, self._is_late(call)
        if not is_late and self._dice.random() < self._weather.refusals:
            answer = self._dice.choice((Answer.REFUSED, Answer.NOT_ACCEPTED))
            return _attempt(dispatch, answer, "said_no")
        account = self._account_of[dispatch.account_id]
        closes = account.outside_window_account and self._dice.random() < self._weather.closings
        if not is_late and closes:
            return self._turn_away(call)
        in_doubt = is_late or self._dice.random() < self._weather.doubts
        if in_doubt and self._dice.random() < 0.5:
            return _attempt(dispatch, Answer.UNKNOWN, "http_500")
        taken = self._take(call)
        if in_doubt:
            return _attempt(dispatch, Answer.UNKNOWN, "http_500")
        return _attempt(dispatch, Answer.ACCEPTED, sid=taken.sid)

    def _turn_away(self, call: Call) -> ReportAttempt:
        """It came too late. The provider says so at once, or takes it and says so afterwards."""
        dispatch = call.dispatch
        if self._dice.random() < 0.5:
            return _attempt(dispatch, Answer.REFUSED, OUTSIDE_WINDOW)
        left = self._entry(call)
        self.turned_away.append(left)
        self._tell(left, "failed")
        return _attempt(dispatch, Answer.ACCEPTED, sid=left.sid)

    def _is_late(self, call: Call) -> bool:
        """Whether the caller has hung up by now."""
        return self._world.clock() > call.began_ms + CALL_MS

    def _entry(self, call: Call) -> Taken:
        dispatch = call.dispatch
        return Taken(
            sid=f"SM{len(self.book) + len(self.turned_away):032d}",
            message_id=dispatch.message_id,
            account=self._account_of[dispatch.account_id],
            recipient=dispatch.recipient,
            text=dispatch.text,
            taken_ms=min(self._world.clock(), call.began_ms + CALL_MS),
        )

    def _take(self, call: Call) -> Taken:
        taken = self._entry(call)
        self.book.append(taken)
        end = "undelivered" if self._dice.random() < self._weather.refusals / 2 else "delivered"
        for status in ("sent", end):
            self._tell(taken, status)
        return taken

    def _tell(self, taken: Taken, status: str) -> None:
        """A receipt, or two, or none."""
        if self._dice.random() >= self._weather.receipts_lost:
            self.receipts.append((taken, status))
        if self._dice.random() < self._weather.receipts_twice:
            self.receipts.append((taken, status))

    def _look_up(self, call: Call) -> ReportLookup:
        dispatch, known = call.dispatch, call.known_ids or frozenset()
        if self._is_late(call):
            return ReportLookup(dispatch.message_id, dispatch.lookups, Sighting.UNAVAILABLE)
        if self._dice.random() < self._weather.blindness:
            sighting = self._dice.choice((Sighting.ABSENT, Sighting.UNAVAILABLE))
            return ReportLookup(dispatch.message_id, dispatch.lookups, sighting)
        listed = [
            _listed(taken)
            for taken in reversed(self.book)
            if (taken.account.account_id, taken.recipient)
            == (dispatch.account_id, dispatch.recipient)
        ]
        sid = _recognised(listed, dispatch, known)
        sighting = Sighting.FOUND if sid else Sighting.ABSENT
        return ReportLookup(dispatch.message_id, dispatch.lookups, sighting, sid)

    async def _report(self, which: int) -> str:
        """Bring a receipt; one that was not taken comes again."""
        taken, status = self.receipts[which]
        form = {"MessageSid": taken.sid, "MessageStatus": status, "To": taken.recipient}
        form |= {"ErrorCode": OUTSIDE_WINDOW} if status == "failed" else {}
        reference = {} if self._dice.random() < 0.2 else {"message_id": taken.message_id}
        now_ms = self._world.clock()
        [item] = StatusHook().parse(posted(now_ms, form, reference), taken.account)
        assert isinstance(item, Reported)
        said = inputs.receipt(item.note, recipient=item.recipient, received_at_ms=now_ms)
        if await self._world.put(INPUTS, said.home_id, said):
            del self.receipts[which]
        return f"provider says {taken.message_id[:8]} is {status}"


def _listed(taken: Taken) -> dict[str, str]:
    """A message as the provider's list shows it."""
    return {
        "sid": taken.sid,
        "body": taken.text,
        "direction": "outbound-api",
        "date_created": format_datetime(datetime.fromtimestamp(taken.taken_ms // 1000, UTC)),
    }


def _attempt(
    dispatch: Dispatch, answer: Answer, reason: str = "", *, sid: str = ""
) -> ReportAttempt:
    return ReportAttempt(
        dispatch.message_id, dispatch.attempts, answer, provider_message_id=sid, reason=reason
    )
