"""The HTTP doors on a real socket, with the bus and the accounts as the test wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import orjson
import pytest

from services.intake.core.account import Account
from services.intake.core.model import Channel as Medium
from services.intake.shell.channels.discovery import discover
from services.intake.shell.channels.protocol import Channel, Incoming, Item
from services.intake.shell.channels.twilio_sms import MessageHook
from tests.component.intake.street import FORM_PATH, POST, WHATSAPP_PATH, Street, street_of
from tests.support.waiting import until
from tests.unit.intake import voice
from tests.unit.intake.doors import RECEIPT, SMS, SMS_PATH
from tests.unit.intake.whatsapp import change, message, posted, webhook

STATUS_PATH = f"{SMS_PATH}/status"


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with street_of(discover()) as opened:
        yield opened


async def _is(value: bool) -> bool:
    return value


def _has_held(street: Street, count: int) -> bool:
    return street.around.held >= count


class BatchHook(MessageHook):
    """A webhook that brings very many messages at once."""

    def parse(self, incoming: Incoming, account: Account) -> Sequence[Item]:
        return [*super().parse(incoming, account)] * 1201


async def test_however_many_items_a_request_has_all_of_them_are_published() -> None:
    batch = Channel("twilio", media=frozenset({Medium.SMS}), hooks=(BatchHook(),))
    async with street_of([batch]) as street:
        status, _, _ = await street.twilio(SMS)
        assert (status, len(street.around.published)) == (200, 1201)


async def test_what_is_too_much_is_turned_away_by_what_a_delay_costs() -> None:
    """Receipts first, then who comes back for hours, last who asks once or twice."""
    async with street_of(discover(), requests_open_max=12) as street:
        street.around.gate.clear()
        incoming = posted(webhook(change(messages=[message("text", {"body": "Hi"})])))
        tries: tuple[tuple[int, Callable[[], Awaitable[tuple[int, str, Any]]]], ...] = (
            (6, lambda: street.twilio(RECEIPT, f"{STATUS_PATH}?message_id=m-7")),
            (9, lambda: street.post(WHATSAPP_PATH, incoming.body, **incoming.headers)),
            (12, lambda: street.twilio(SMS)),
        )
        open_calls: list[asyncio.Task[tuple[int, str, Any]]] = []
        for most, ask in tries:
            while street.around.held < most:
                open_calls.append(asyncio.ensure_future(ask()))
                await until(partial(_has_held, street, len(open_calls)), what="it under way")
            status, why, headers = await ask()
            assert (status, why, headers["retry-after"]) == (503, "too much at once", "2")
        street.around.gate.set()
        ended = [status for status, *_ in await asyncio.gather(*open_calls)]
        assert set(ended) <= {200, 204}
        shown = street.catalogue.exposition("")[0].decode()
        for priority in ("receipt", "patient", "message"):
            assert f'intake_requests_shed_total{{priority="{priority}"}} 1.0' in shown
        assert (await street.twilio(SMS))[0] == 200


async def test_a_message_is_published_under_the_home_of_its_sender(street: Street) -> None:
    status, body, headers = await street.twilio(SMS)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/xml")
    assert body.endswith("<Response/>")
    ((topic, key, said),) = street.around.published
    assert (topic, key) == ("intake.inputs.v1", said.home_id)
    assert said.inbound_message.text == SMS["Body"]
    assert said.actor == "provider/sms-berlin"


@pytest.mark.parametrize(("setting", "single"), [("true", True), ("false", False), ("", False)])
async def test_an_account_may_have_one_conversation_for_each_person(
    street: Street, setting: str, single: bool
) -> None:
    street.around.settings = {"single_conversation": setting}
    await street.twilio(SMS)
    ((_, _, said),) = street.around.published
    assert said.inbound_message.single_conversation is single


@pytest.mark.parametrize(
    ("settings", "text", "said"),
    [
        ({"help_text": " Shop, +49 30.\n"}, "Help!", "Shop, +49 30."),
        ({"help_text": "Shop"}, "Where is it?", ""),
        ({}, "HELP", ""),
    ],
)
async def test_an_answer_to_help_travels_with_the_question_and_with_no_other(
    street: Street, settings: dict[str, str], text: str, said: str
) -> None:
    street.around.settings = settings
    await street.twilio(SMS | {"Body": text})
    ((_, _, published),) = street.around.published
    assert published.inbound_message.help_text == said


async def test_a_blocked_sender_is_thanked_and_not_heard(street: Street) -> None:
    street.around.settings = {"blocked_senders": f"@example.org {SMS['From']}"}
    assert (await street.twilio(SMS))[0] == 200
    assert (await street.form(POST))[0] == 202
    assert street.around.published == []
    shown = street.catalogue.exposition("")[0].decode()
    for provider in ("twilio", "web"):
        assert f'intake_unread_total{{kind="blocked",provider="{provider}"}} 1.0' in shown


async def test_a_blocked_caller_is_rejected_and_not_noted(street: Street) -> None:
    street.around.settings = {"blocked_senders": voice.RINGING["From"]}
    status, answer, _ = await street.twilio(voice.RINGING, voice.PATH)
    assert (status, "<Reject" in answer) == (200, True)
    assert (await street.twilio(voice.ENDED, f"{voice.PATH}/status"))[0] == 200
    assert street.around.published == []


async def test_a_receipt_is_published_to_the_home_of_its_recipient(street: Street) -> None:
    await street.twilio(SMS)
    status, _, _ = await street.twilio(RECEIPT, f"{STATUS_PATH}?message_id=m-7")
    assert status == 204
    (_, inbound_key, _), (_, key, said) = street.around.published
    assert key == inbound_key
    assert said.delivery_receipt.message_id == "m-7"


async def test_what_can_be_read_of_a_batch_is_published_and_the_rest_counted_or_kept(
    street: Street,
) -> None:
    text = message("text", {"body": "Hi"})
    bodies = [text, text | {"id": ""}, message("system", {"body": "x"}), text | {"id": "w.2"}]
    incoming = posted(webhook(change(messages=bodies)))
    status, _, _ = await street.post(WHATSAPP_PATH, incoming.body, **incoming.headers)
    assert status == 200
    kinds = [said.WhichOneof("kind") for _, _, said in street.around.published]
    assert kinds == ["inbound_message", "parked_item", "inbound_message"]
    _, key, kept = street.around.published[1]
    assert (key, kept.parked_item.kind) == (kept.home_id, "malformed")
    assert orjson.loads(kept.parked_item.payload) == text | {"id": ""}
    shown = street.catalogue.exposition("")[0].decode()
    for kind in ("malformed", "system"):
        assert f'intake_unread_total{{kind="{kind}",provider="whatsapp"}} 1.0' in shown


async def test_a_batch_of_which_one_item_is_not_accepted_is_503(street: Street) -> None:
    street.around.bus_is_away = True
    incoming = posted(webhook(change(messages=[message("text", {"body": "Hi"})])))
    status, _, _ = await street.post(WHATSAPP_PATH, incoming.body, **incoming.headers)
    assert status == 503


@pytest.mark.parametrize(
    ("path", "token", "status", "body"),
    [
        (WHATSAPP_PATH, "say-friend", 200, "1158"),
        (WHATSAPP_PATH, "mellon", 403, "wrong token"),
        ("/webhooks/whatsapp/nobody", "say-friend", 404, "no such account"),
        ("/webhooks/whatsapp/sms-berlin", "say-friend", 404, "no such account"),
    ],
)
async def test_a_handshake(street: Street, path: str, token: str, status: int, body: str) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158"}
    async with street.session.get(street.base + path, params=query) as answer:
        assert (answer.status, await answer.text()) == (status, body)


async def test_a_form_is_published_with_the_id_of_its_page(street: Street) -> None:
    status, body, _ = await street.form(POST)
    assert status == 202
    ((_, _, said),) = street.around.published
    assert said.inbound_message.client_message_id == POST["message_id"]
    assert orjson.loads(body) == {"message_id": said.inbound_message.message_id}


@pytest.mark.parametrize("path", [SMS_PATH, STATUS_PATH])
async def test_a_wrong_signature_is_401(street: Street, path: str) -> None:
    status, body, _ = await street.twilio(SMS | RECEIPT, path, token="wrong")
    assert (status, body) == (401, "wrong signature")
    assert street.around.published == []


async def test_an_unsigned_form_of_an_account_with_a_key_is_401(street: Street) -> None:
    status, _, _ = await street.form(POST, "/forms/form-2")
    assert status == 401


@pytest.mark.parametrize(
    ("path", "form", "why"),
    [
        (SMS_PATH, SMS | {"From": "me"}, "not a telephone number"),
        (SMS_PATH, {"Body": "x"}, "MessageSid is missing"),
        (STATUS_PATH, {"To": "+4930901820"}, "MessageStatus is missing"),
        (STATUS_PATH, RECEIPT | {"To": ""}, "To is missing"),
    ],
)
async def test_a_malformed_webhook_is_400_with_the_reason(
    street: Street, path: str, form: dict[str, str], why: str
) -> None:
    status, body, _ = await street.twilio(form, path)
    assert (status, body) == (400, why)
    assert street.around.published == []


@pytest.mark.parametrize(
    ("post", "why"),
    [
        ([], "the body is not a JSON object"),
        ({}, "message_id is missing"),
        (POST | {"text": ""}, "text is missing"),
        (POST | {"email": "x@"}, "not a mailbox"),
    ],
)
async def test_a_malformed_form_is_400_with_the_reason(street: Street, post: Any, why: str) -> None:
    status, body, _ = await street.form(post)
    assert (status, body) == (400, why)


@pytest.mark.parametrize(
    ("path", "limit"), [(SMS_PATH, 64 * 1024), (STATUS_PATH, 64 * 1024), (FORM_PATH, 128 * 1024)]
)
async def test_too_large_is_413_announced_or_not(street: Street, path: str, limit: int) -> None:
    body = b"x" * (limit + 1)
    assert (await street.post(path, body))[0] == 413

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 4096):
            yield body[at : at + 4096]

    async with street.session.post(street.base + path, data=chunks()) as answer:
        assert answer.status == 413


@pytest.mark.parametrize("path", ["/webhooks/twilio/nobody", "/forms/nobody"])
async def test_an_unknown_account_is_404(street: Street, path: str) -> None:
    assert (await street.post(path, b""))[0] == 404


@pytest.mark.parametrize("path", ["/webhooks/twilio/off", "/webhooks/twilio/form-1"])
async def test_a_disabled_account_or_one_of_another_provider_is_404(
    street: Street, path: str
) -> None:
    status, _, _ = await street.twilio(SMS, path)
    assert status == 404


async def test_a_door_opens_by_post_only(street: Street) -> None:
    async with street.session.get(street.base + SMS_PATH) as answer:
        assert answer.status == 405


async def test_kafka_away_is_503_and_says_when_to_come_back(street: Street) -> None:
    street.around.bus_is_away = True
    for status, body, headers in (
        await street.twilio(SMS),
        await street.twilio(RECEIPT, STATUS_PATH),
        await street.form(POST),
    ):
        assert (status, body) == (503, "not known accepted")
        assert int(headers["retry-after"]) > 0


async def test_an_account_nobody_can_tell_of_is_503_and_not_404(street: Street) -> None:
    await street.twilio(SMS)
    street.around.store_is_away = True
    assert (await street.twilio(SMS))[0] == 200  # known from before
    status, _, headers = await street.form(POST)
    assert (status, headers["retry-after"]) == (503, "2")


async def test_requests_are_counted_by_provider_and_status(street: Street) -> None:
    await street.twilio(SMS)
    await street.twilio(SMS, token="wrong")
    text = street.catalogue.exposition()[0].decode()
    assert 'intake_webhook_requests_total{code="200",provider="twilio"} 1.0' in text
    assert 'intake_webhook_requests_total{code="401",provider="twilio"} 1.0' in text
    assert 'intake_accepted_total{item="message",provider="twilio"} 1.0' in text


async def test_a_flood_of_forgeries_is_refused(street: Street) -> None:
    answers = await asyncio.gather(*(street.twilio(SMS, token=str(n)) for n in range(200)))
    assert {status for status, _, _ in answers} == {401}
    assert street.around.published == []
