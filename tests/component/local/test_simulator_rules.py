"""What only one provider does: windows, retry keys, metadata, echoes, the limits of a text."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from services.intake.core.delivery.commands import Answer
from services.intake.core.model import Progress
from services.intake.shell.channels.line_sender import retry_key
from services.intake.shell.channels.protocol import Unread
from tests.support.simulated import TEXT, Simulated, simulated

DAY_MS = 24 * 3_600_000


async def write_long_ago(at: Simulated) -> None:
    """The customer's window has closed since."""
    at_ms = at.dispatch().queued_at_ms - DAY_MS
    await at.write(at_ms=at_ms)
    await at.door.next()


async def test_whatsapp_fails_what_comes_after_the_window(tmp_path: Path) -> None:
    async with simulated("whatsapp", tmp_path) as at:
        await write_long_ago(at)
        assert (await at.sender.send(at.dispatch(), at.account)).answer is Answer.ACCEPTED
        note = (await at.door.next()).note
        assert (note.progress, note.reason) == (Progress.FAILED, "outside_window")
        assert note.message_id == "d-1"
        await at.greet()
        await at.sender.send(at.dispatch(message_id="d-2"), at.account)
        assert (await at.door.next()).note.progress is Progress.SENT


async def test_messenger_refuses_what_comes_after_the_window(tmp_path: Path) -> None:
    async with simulated("messenger", tmp_path) as at:
        await write_long_ago(at)
        report = await at.sender.send(at.dispatch(), at.account)
        assert (report.answer, report.reason) == (Answer.REFUSED, "outside_window")
        assert at.effects() == []


async def test_messenger_tells_the_apps_own_message_with_its_metadata(tmp_path: Path) -> None:
    async with simulated("messenger", tmp_path) as at:
        await at.greet()
        await at.faults(drop_after=1.0)
        assert (await at.sender.send(at.dispatch(), at.account)).answer is Answer.UNKNOWN
        echo = (await at.door.next()).note
        assert (echo.progress, echo.message_id) == (Progress.SENT, "d-1")
        sent = json.loads(at.door.requests[1].body)["entry"][0]["messaging"][0]["message"]
        assert (sent["is_echo"], sent["app_id"], sent["text"]) == (True, 1555010000000001, TEXT)
        later = [await at.door.next(), await at.door.next()]
        assert Unread("watermark") in later


@pytest.mark.parametrize(
    ("provider", "reason"), [("messenger", "100"), ("telegram", "http_400"), ("line", "http_400")]
)
async def test_who_has_never_written_cannot_be_written_to(
    provider: str, reason: str, tmp_path: Path
) -> None:
    async with simulated(provider, tmp_path) as at:
        report = await at.sender.send(at.dispatch(), at.account)
        assert (report.answer, report.reason) == (Answer.REFUSED, reason)
        assert at.effects() == []


@pytest.mark.parametrize(
    ("provider", "most", "reason"),
    [
        ("twilio", 1_600, "21617"),
        ("whatsapp", 4_096, "100"),
        ("messenger", 2_000, "100"),
        ("telegram", 4_096, "http_400"),
        ("line", 5_000, "http_400"),
        ("slack", 40_000, "msg_too_long"),
    ],
)
async def test_a_text_has_its_provider_s_limit(
    provider: str, most: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender knows it too: only without its knowledge is the provider asked."""
    sender = import_module(f"services.intake.shell.channels.{provider}_sender")
    async with simulated(provider, tmp_path) as at:
        await at.greet()
        for known, told in ((sender.TEXT_MAX, "text_too_long"), (2 * most, reason)):
            monkeypatch.setattr(sender, "TEXT_MAX", known)
            report = await at.sender.send(at.dispatch(text="x" * (most + 1)), at.account)
            assert (report.answer, report.reason) == (Answer.REFUSED, told)
        report = await at.sender.send(at.dispatch(text="x" * most), at.account)
        assert report.answer is Answer.ACCEPTED


async def push(at: Simulated, key: str) -> tuple[int, Any, dict[str, str]]:
    """Push as LINE's own examples do."""
    token = at.account.key("access_token")
    headers = {"Authorization": f"Bearer {token}"} | ({"X-Line-Retry-Key": key} if key else {})
    body = {"to": at.person, "messages": [{"type": "text", "text": TEXT}]}
    async with at.api.post("/v2/bot/message/push", json=body, headers=headers) as answer:
        return answer.status, await answer.json(), dict(answer.headers)


async def test_line_answers_an_accepted_key_with_what_it_accepted(tmp_path: Path) -> None:
    async with simulated("line", tmp_path) as at:
        await at.greet()
        key = retry_key(at.dispatch())
        (status, first, headers), (again, second, more) = await push(at, key), await push(at, key)
        assert (status, again, len(at.effects())) == (200, 409, 1)
        assert second == first | {"message": "The retry key is already accepted"}
        assert more["x-line-accepted-request-id"] == headers["x-line-request-id"]
        assert more["x-line-request-id"] != headers["x-line-request-id"]
        report = await at.sender.send(at.dispatch(), at.account)
        assert report.provider_message_id == first["sentMessages"][0]["id"]
        assert len(at.effects()) == 1


async def test_line_refuses_a_key_that_is_none_and_repeats_without_one(tmp_path: Path) -> None:
    async with simulated("line", tmp_path) as at:
        await at.greet()
        assert (await push(at, "not-a-uuid"))[0] == 400
        assert [(await push(at, ""))[0] for _ in range(2)] == [200, 200]
        assert len(at.effects()) == 2


async def test_line_remembers_no_key_of_what_it_has_not_accepted(tmp_path: Path) -> None:
    async with simulated("line", tmp_path) as at:
        await at.greet()
        await at.faults(error_before=1.0)
        await at.sender.send(at.dispatch(), at.account)
        await at.faults()
        assert (await push(at, retry_key(at.dispatch())))[0] == 200


async def test_line_knows_a_key_from_simultaneous_calls(tmp_path: Path) -> None:
    async with simulated("line", tmp_path) as at:
        await at.greet()
        answers = await asyncio.gather(*(push(at, retry_key(at.dispatch())) for _ in range(5)))
        assert sorted(each[0] for each in answers) == [200, 409, 409, 409, 409]


async def slack(at: Simulated, method: str, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {at.account.key('bot_token')}"}
    async with at.api.get(f"/api/{method}", params=query, headers=headers) as answer:
        return await answer.json()


async def test_slack_lists_both_sides_and_metadata_only_where_asked(tmp_path: Path) -> None:
    async with simulated("slack", tmp_path) as at:
        theirs = (await at.write("A & B"))["id"]
        report = await at.sender.send(at.dispatch(), at.account)
        channel = theirs.partition("/")[0]
        listed = await slack(
            at, "conversations.history", channel=channel, include_all_metadata="true"
        )
        ours, said = listed["messages"]
        assert ours["metadata"]["event_payload"] == {"message_id": "d-1"}
        assert f"{channel}/{ours['ts']}" == report.provider_message_id
        assert (said["text"], said["user"]) == ("A &amp; B", at.person)
        plain = await slack(at, "conversations.history", channel=channel, limit="1")
        assert ("metadata" in plain["messages"][0], plain["has_more"]) == (False, True)
        after = await slack(at, "conversations.history", channel=channel, oldest=ours["ts"])
        assert after["messages"] == []
        assert (await slack(at, "conversations.history", channel="D0"))["error"] == (
            "channel_not_found"
        )


async def test_slack_tells_the_app_what_it_said_itself(tmp_path: Path) -> None:
    async with simulated("slack", tmp_path) as at:
        await at.greet()
        await at.sender.send(at.dispatch(), at.account)
        assert await at.door.next() == Unread("bot")
        event = json.loads(at.door.requests[-1].body)["event"]
        assert (event["bot_id"], event["channel_type"]) == ("B0SWITCH1", "im")
        assert "metadata" not in event


async def test_telegram_counts_both_sides_within_the_chat(tmp_path: Path) -> None:
    async with simulated("telegram", tmp_path) as at:
        first = (await at.write("one"))["id"]
        report = await at.sender.send(at.dispatch(), at.account)
        third = (await at.write("three"))["id"]
        assert [first, report.provider_message_id, third] == [
            f"{at.person}/{number}" for number in (1, 2, 3)
        ]


async def test_telegram_repeats_what_is_sent_twice(tmp_path: Path) -> None:
    async with simulated("telegram", tmp_path) as at:
        await at.greet()
        for attempt in (1, 2):
            await at.sender.send(at.dispatch(attempts=attempt), at.account)
        assert len(at.effects()) == 2  # it knows no idempotency: that is why we never repeat


async def test_whatsapp_knows_its_numbers_and_its_tokens(tmp_path: Path) -> None:
    async with simulated("whatsapp", tmp_path) as at:
        elsewhere = replace(at.account, settings={"phone_number_id": "1"})
        report = await at.sender.send(at.dispatch(), elsewhere)
        assert (report.answer, report.reason) == (Answer.REFUSED, "100")


async def test_who_hides_their_number_is_written_to_by_their_id(tmp_path: Path) -> None:
    async with simulated("whatsapp", tmp_path) as at:
        hidden = at.dispatch(recipient="DE.13491208655302741918")
        assert (await at.sender.send(hidden, at.account)).answer is Answer.ACCEPTED
        assert at.effects()[0]["recipient"] == hidden.recipient
