"""Intake's own senders against the simulator: what each reports of every fault, and what it does.

A message is sent as delivery would: again while it was surely not accepted, or may be repeated
without a second effect; never after a doubt.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from services.intake.core.delivery.commands import Answer, ReportAttempt, Sighting
from services.intake.core.delivery.model import Phase
from services.intake.core.model import Progress
from services.intake.shell.channels.protocol import Reported
from tests.support.simulated import ENDPOINTS, TEXT, Simulated, simulated
from tests.support.waiting import until

PROVIDERS = tuple(ENDPOINTS)
LISTING = {"twilio", "slack"}
"""Providers that can be asked for what was sent."""
CALL_FAULTS = ("throttle", "error_before", "error_after", "drop_before", "drop_after")
THROTTLED = {
    "twilio": ("20429", 0),
    "whatsapp": ("130429", 0),
    "messenger": ("613", 0),
    "telegram": ("http_429", 1000),
    "line": ("http_429", 0),
    "slack": ("http_429", 1000),
}
BROKEN = {
    "twilio": "20500",
    "whatsapp": "131000",
    "messenger": "2",
    "telegram": "http_500",
    "line": "http_500",
    "slack": "http_500",
}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def attempts(at: Simulated, faults: dict[str, float]) -> list[ReportAttempt]:
    """Send one message; the faults are over after the first attempt."""
    await at.greet()
    await at.faults(**faults)
    first = await at.sender.send(at.dispatch(), at.account)
    await at.faults()
    if first.answer not in {Answer.NOT_ACCEPTED, Answer.REPEATABLE}:
        return [first]
    maybe_sent = first.answer is Answer.REPEATABLE
    again = at.dispatch(attempts=2, maybe_sent=maybe_sent)
    return [first, await at.sender.send(again, at.account)]


async def test_a_message_is_accepted_and_reaches_the_handset(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        [report] = await attempts(at, {})
        assert (report.answer, report.reason) == (Answer.ACCEPTED, "")
        [effect] = at.effects()
        assert (effect["provider"], effect["recipient"]) == (provider, at.person)
        assert effect["body"] == TEXT
        assert report.provider_message_id
        assert effect["sid"].endswith(report.provider_message_id)
        async with at.api.get("/admin/handsets") as stream:
            received = await stream.content.readline()
        assert f'"provider":"{provider}"'.encode() in received


async def test_a_limit_is_no_effect_and_the_next_attempt_is_the_only_one(
    provider: str, tmp_path: Path
) -> None:
    async with simulated(provider, tmp_path) as at:
        first, second = await attempts(at, {"throttle": 1.0})
        assert (first.answer, second.answer) == (Answer.NOT_ACCEPTED, Answer.ACCEPTED)
        assert (first.reason, first.retry_after_ms) == THROTTLED[provider]
        assert len(at.effects()) == 1


@pytest.mark.parametrize("fault", CALL_FAULTS[1:])
async def test_a_broken_call_doubles_nothing(provider: str, fault: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        reports = await attempts(at, {fault: 1.0, "receipt_lost": 1.0})
        effects = 1 if fault.endswith("after") else 0
        reason = BROKEN[provider] if fault.startswith("error") else "ServerDisconnectedError"
        assert reports[0].reason == reason
        if provider == "line":  # its key makes another attempt harmless
            assert [each.answer for each in reports] == [Answer.REPEATABLE, Answer.ACCEPTED]
            assert len(at.effects()) == 1
            return
        assert [each.answer for each in reports] == [Answer.UNKNOWN]
        assert len(at.effects()) == effects


@pytest.mark.parametrize("fault", CALL_FAULTS[1:])
async def test_a_look_up_finds_what_the_provider_lists_and_no_more(
    provider: str, fault: str, tmp_path: Path
) -> None:
    async with simulated(provider, tmp_path) as at:
        await at.greet()
        await at.faults(**{fault: 1.0})
        sent = at.dispatch()
        await at.sender.send(sent, at.account)
        look = replace(sent, phase=Phase.LOOKING_UP, lookups=1)
        report = await at.sender.look_up(look, at.account, known_ids=frozenset())
        if provider in LISTING and fault.endswith("after"):
            [effect] = at.effects()
            assert report.sighting is Sighting.FOUND
            assert report.provider_message_id == effect["sid"]
        else:
            assert (report.sighting, report.provider_message_id) == (Sighting.ABSENT, "")


async def test_a_slow_answer_is_an_answer(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        await at.greet()
        await at.faults(slow=1.0, slow_ms=50)
        report = await at.sender.send(at.dispatch(), at.account)
        assert (report.answer, await at.played()) == (Answer.ACCEPTED, {"slow": 1})
        assert len(at.effects()) == 1


UNREACHABLE: dict[str, tuple[Answer, str]] = {
    "twilio": (Answer.ACCEPTED, "30003"),
    "whatsapp": (Answer.ACCEPTED, "131026"),
    "messenger": (Answer.REFUSED, "551"),
    "telegram": (Answer.REFUSED, "blocked"),
    "line": (Answer.ACCEPTED, ""),  # it never says
    "slack": (Answer.REFUSED, "messages_tab_disabled"),
}


async def test_who_cannot_be_reached_is_told_of_as_the_provider_does(
    provider: str, tmp_path: Path
) -> None:
    answer, reason = UNREACHABLE[provider]
    async with simulated(provider, tmp_path) as at:
        await at.greet()
        await at.faults(undeliverable=1.0)
        report = await at.sender.send(at.dispatch(), at.account)
        assert report.answer is answer
        assert len(at.effects()) == (answer is Answer.ACCEPTED)
        if answer is Answer.REFUSED:
            assert report.reason == reason
        elif reason:
            steps = [await at.door.next() for _ in range(2)]
            assert [step.note.progress for step in steps] == [Progress.SENT, Progress.FAILED]
            assert steps[-1].note.reason == reason


async def test_faults_of_one_provider_are_not_the_others(tmp_path: Path) -> None:
    async with simulated("telegram", tmp_path) as at:
        await at.greet()
        await at.faults_here(throttle=1.0)
        assert (await at.sender.send(at.dispatch(), at.account)).answer is Answer.NOT_ACCEPTED
        async with at.api.get("/admin/faults") as shown:
            told = await shown.json()
        assert told["played"] == told["providers"]["telegram"]["played"] == {"throttle": 1}
        assert told["providers"]["line"]["faults"]["throttle"] == told["faults"]["throttle"] == 0
        await at.faults()
        assert (await at.sender.send(at.dispatch(), at.account)).answer is Answer.ACCEPTED


async def test_no_faults_can_be_set_where_there_is_no_provider(tmp_path: Path) -> None:
    async with simulated("line", tmp_path) as at:
        async with at.api.put("/admin/faults/pigeon", json={}) as answer:
            assert answer.status == 404
        async with at.api.put("/admin/faults/line", json={"throttle": 2}) as answer:
            assert (answer.status, "from 0 to 1" in await answer.text()) == (400, True)


RECEIPTS = {
    "twilio": [Progress.SENT, Progress.DELIVERED],
    "whatsapp": [Progress.SENT, Progress.DELIVERED, Progress.READ],
    "messenger": [Progress.SENT, Progress.DELIVERED],  # what was read names no message
}


@pytest.mark.parametrize(
    ("faults", "copies"),
    [({}, 1), ({"receipt_twice": 1.0}, 2), ({"receipt_late": 1.0, "late_ms": 30}, 1)],
    ids=["once", "twice", "late"],
)
@pytest.mark.parametrize("told_by", RECEIPTS)
async def test_receipts_find_their_message(
    told_by: str, faults: dict[str, float], copies: int, tmp_path: Path
) -> None:
    async with simulated(told_by, tmp_path) as at:
        await at.greet()
        await at.faults(**faults)
        report = await at.sender.send(at.dispatch(), at.account)
        wanted = sorted(RECEIPTS[told_by] * copies)
        found: list[Reported] = []
        while len(found) < len(wanted):
            item = await at.door.next()
            found += [item] if isinstance(item, Reported) else []
        assert sorted(each.note.progress for each in found) == wanted
        assert {each.recipient for each in found} == {at.person}
        ids = {each.note.provider_message_id for each in found}
        assert ids == {report.provider_message_id}
        assert {each.note.message_id for each in found} - {""} == {"d-1"}


@pytest.mark.parametrize("told_by", RECEIPTS)
async def test_a_lost_receipt_never_comes(told_by: str, tmp_path: Path) -> None:
    async with simulated(told_by, tmp_path) as at:
        await at.greet()
        await at.faults(receipt_lost=1.0)
        await at.sender.send(at.dispatch(), at.account)
        last = "delivered" if told_by == "twilio" else "read"
        await until(lambda: last in at.statuses(), what="the message's end")
        await at.faults()
        await at.greet()  # what comes next is this, and nothing of the message before
        assert len(at.door.requests) == 2


CREDENTIAL = {
    "twilio": "auth_token",
    "whatsapp": "access_token",
    "messenger": "access_token",
    "telegram": "bot_token",
    "line": "access_token",
    "slack": "bot_token",
}
UNAUTHENTICATED = {
    "twilio": "20003",
    "whatsapp": "190",
    "messenger": "190",
    "telegram": "http_401",
    "line": "http_401",
    "slack": "invalid_auth",
}


async def test_a_stranger_is_refused(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        await at.greet()
        stranger = replace(at.account, secrets={CREDENTIAL[provider]: ("wrong",)})
        report = await at.sender.send(at.dispatch(), stranger)
        assert (report.answer, report.reason) == (Answer.REFUSED, UNAUTHENTICATED[provider])
        assert at.effects() == []


async def test_the_book_survives_a_kill(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        [report] = await attempts(at, {"receipt_lost": 1.0})
    async with simulated(provider, tmp_path) as at:
        report = await at.sender.send(at.dispatch(message_id="d-2"), at.account)
        assert report.answer is Answer.ACCEPTED  # it knows who has written
        first, second = at.effects()
        assert first["sid"] != second["sid"]


async def test_an_unreachable_provider_was_not_called(provider: str, tmp_path: Path) -> None:
    async with simulated(provider, tmp_path) as at:
        await at.greet()
        await at.api.close()
        report = await at.sender.send(at.dispatch(), at.account)
        assert report.answer is Answer.NOT_ACCEPTED
        assert at.effects() == []
