"""SendGrid, Mailgun and Postmark: what they are asked, and what each answer means."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from services.intake.core.delivery.commands import Answer, ReportAttempt, Sighting
from services.intake.core.model import Attachment, Kind
from services.intake.shell.channels.form_data import FormData, form_of
from services.intake.shell.channels.mailgun_sender import MailgunSender
from services.intake.shell.channels.protocol import Incoming
from tests.component.intake.provider import Handler, answering, hang_up
from tests.component.intake.senders import WAYS, Called, calling
from tests.unit.intake.given import TENANT
from tests.unit.intake.mailboxes import GRETE, HOME, OURS, SENT, TOKEN

OTTO = "otto@example.org"
OWN_ID = f"{SENT}@desk.example"
IDS = {"sb_message": SENT, "sb_recipient": HOME}
PDF = b"%PDF-1.7 \x00\xff"
BILL = Attachment("a-1", "März.pdf", "application/pdf", len(PDF), f"blob:{'a' * 64}")
COPIED = {"participants": (OTTO,), "in_reply_to": "c@x", "references": ("a@x",)}


@pytest.fixture
async def sendgrid() -> AsyncIterator[Called]:
    async with calling(WAYS["sendgrid"]) as called:
        called.provider.handler = answering(202, "", X_Message_Id="14c5d75ce93")
        yield called


@pytest.fixture
async def mailgun() -> AsyncIterator[Called]:
    async with calling(WAYS["mailgun"]) as called:
        yield called


@pytest.fixture
async def postmark() -> AsyncIterator[Called]:
    async with calling(WAYS["postmark"]) as called:
        yield called


async def test_sendgrid_is_asked_for_a_mail(sendgrid: Called) -> None:
    report = await sendgrid.send(**COPIED)
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, "14c5d75ce93")
    (request,) = sendgrid.provider.requests
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    assert request.headers["authorization"] == "Bearer SG.key"
    asked = sendgrid.asked
    assert asked["personalizations"] == [{"to": [{"email": GRETE}], "cc": [{"email": OTTO}]}]
    assert asked["from"] == {"email": OURS, "name": "Berlin"}
    assert asked["reply_to"] == {"email": f"help+{TOKEN}@desk.example"}
    assert asked["subject"] == "Re: Parcel"
    assert asked["content"] == [{"type": "text/plain", "value": "It is on its way."}]
    assert asked["headers"]["Message-ID"] == f"<{OWN_ID}>"
    assert asked["headers"]["In-Reply-To"] == "<c@x>"
    assert asked["headers"]["References"] == f"<a@x> <c@x> <{OWN_ID}>"
    assert asked["custom_args"] == IDS
    assert not asked["tracking_settings"]["open_tracking"]["enable"]


async def test_sendgrid_wants_no_empty_text(sendgrid: Called) -> None:
    await sendgrid.send(subject="", text="")
    assert (sendgrid.asked["subject"], sendgrid.asked["content"][0]["value"]) == ("-", " ")


async def test_mailgun_is_handed_the_whole_mail(mailgun: Called) -> None:
    report = await mailgun.send(**COPIED, kind=Kind.REPLY)
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, "out@desk.example")
    (request,) = mailgun.provider.requests
    assert (request.method, request.path) == ("POST", "/v3/desk.example/messages.mime")
    login = base64.b64encode(b"api:key-1").decode()
    assert request.headers["authorization"] == f"Basic {login}"
    form = _form(mailgun)
    assert form.fields["to"] == [GRETE.encode(), OTTO.encode()]
    assert {name: form.text(f"v:{name}") for name in IDS} == IDS
    assert form.text("o:tracking") == "no"
    (file,) = form.files
    mail = message_from_bytes(file.content, policy=default)
    assert (mail["Message-ID"], mail["To"], mail["Cc"]) == (f"<{OWN_ID}>", GRETE, OTTO)
    assert mail["References"].split() == ["<a@x>", "<c@x>", f"<{OWN_ID}>"]
    assert mail.get_content().strip() == "It is on its way."


def _form(called: Called) -> FormData:
    (request,), (body,) = called.provider.requests, called.provider.bodies
    return form_of(Incoming("", {}, {"content-type": request.headers["content-type"]}, body, 0))


async def test_mailgun_is_asked_where_the_domain_is() -> None:
    way = WAYS["mailgun"].with_settings(domain="mg.desk.example")
    async with calling(way) as called:
        await called.send()
        assert called.provider.requests[0].path == "/v3/mg.desk.example/messages.mime"


async def test_postmark_is_asked_for_a_mail(postmark: Called) -> None:
    report = await postmark.send(**COPIED)
    assert (report.answer, report.provider_message_id) == (Answer.ACCEPTED, "pm-out")
    (request,) = postmark.provider.requests
    assert (request.method, request.path) == ("POST", "/email")
    assert request.headers["x-postmark-server-token"] == "pm-1"
    asked = postmark.asked
    assert (asked["From"], asked["To"], asked["Cc"]) == (f"Berlin <{OURS}>", GRETE, OTTO)
    assert asked["ReplyTo"] == f"help+{TOKEN}@desk.example"
    assert (asked["Subject"], asked["TextBody"]) == ("Re: Parcel", "It is on its way.")
    assert (asked["Metadata"], asked["MessageStream"]) == (IDS, "outbound")
    headers = {each["Name"]: each["Value"] for each in asked["Headers"]}
    assert headers["Message-ID"] == f"<{OWN_ID}>"
    assert headers["X-PM-KeepID"] == "true"
    assert headers["References"] == f"<a@x> <c@x> <{OWN_ID}>"


async def test_postmark_has_streams() -> None:
    async with calling(WAYS["postmark"].with_settings(message_stream="desk")) as called:
        await called.send()
        assert called.asked["MessageStream"] == "desk"


@pytest.mark.parametrize("name", ["sendgrid", "postmark"])
async def test_files_go_along(name: str) -> None:
    async def kept(tenant_id: str, attachment: Attachment) -> bytes | None:
        return PDF if (tenant_id, attachment) == (TENANT, BILL) else None

    async with calling(WAYS[name], content=kept) as called:
        called.provider.handler = answering(202 if name == "sendgrid" else 200, {"MessageID": "m"})
        assert (await called.send(attachments=(BILL,))).answer is Answer.ACCEPTED
        (file,) = called.asked["attachments" if name == "sendgrid" else "Attachments"]
    content = base64.b64encode(PDF).decode()
    assert file == (
        {
            "content": content,
            "filename": "März.pdf",
            "type": "application/pdf",
            "disposition": "attachment",
        }
        if name == "sendgrid"
        else {"Name": "März.pdf", "Content": content, "ContentType": "application/pdf"}
    )


async def test_a_survey_goes_to_the_customer_alone(sendgrid: Called) -> None:
    await sendgrid.send(**COPIED, kind=Kind.SURVEY)
    assert "cc" not in sendgrid.asked["personalizations"][0]
    assert sendgrid.asked["headers"]["Auto-Submitted"] == "auto-replied"


A = Answer
ANSWERS: list[tuple[str, Handler, Answer, str]] = [
    ("sendgrid", answering(400, {"errors": [{"message": "x@y.z"}]}), A.REFUSED, "http_400"),
    ("sendgrid", answering(401, {}), A.REFUSED, "http_401"),
    ("sendgrid", answering(413, {}), A.REFUSED, "http_413"),
    ("sendgrid", answering(200, {}), A.REFUSED, "http_200"),  # its sandbox, which sends nothing
    ("sendgrid", answering(429, {}, Retry_After="7"), A.NOT_ACCEPTED, "http_429"),
    ("sendgrid", answering(500, {}), A.UNKNOWN, "http_500"),
    ("sendgrid", answering(503, {}), A.UNKNOWN, "http_503"),
    ("sendgrid", hang_up, A.UNKNOWN, "ServerDisconnectedError"),
    ("mailgun", answering(400, {"message": "x"}), A.REFUSED, "http_400"),
    ("mailgun", answering(402, {}), A.REFUSED, "http_402"),
    ("mailgun", answering(429, {}), A.NOT_ACCEPTED, "http_429"),
    ("mailgun", answering(502, "gateway"), A.UNKNOWN, "http_502"),
    ("mailgun", hang_up, A.UNKNOWN, "ServerDisconnectedError"),
    ("postmark", answering(422, {"ErrorCode": 406}), A.REFUSED, "postmark_406"),
    ("postmark", answering(401, {"ErrorCode": 10}), A.REFUSED, "postmark_10"),
    ("postmark", answering(429, {"ErrorCode": 429}), A.NOT_ACCEPTED, "postmark_429"),
    ("postmark", answering(500, "oops"), A.UNKNOWN, "http_500"),
    ("postmark", answering(200, "a proxy"), A.UNKNOWN, "unreadable"),
    ("postmark", hang_up, A.UNKNOWN, "ServerDisconnectedError"),
]


@pytest.mark.parametrize(("name", "handler", "answer", "reason"), ANSWERS)
async def test_what_each_answer_means(
    name: str, handler: Handler, answer: Answer, reason: str
) -> None:
    async with calling(WAYS[name]) as called:
        called.provider.handler = handler
        report: ReportAttempt = await called.send()
    assert (report.answer, report.reason) == (answer, reason)


async def test_it_comes_again_when_the_provider_wants_it(sendgrid: Called) -> None:
    sendgrid.provider.handler = answering(429, {}, Retry_After="7")
    assert (await sendgrid.send()).retry_after_ms == 7_000


async def look_up(called: Called) -> Any:
    return await called.sender.look_up(
        called.way.dispatch, called.way.account, known_ids=frozenset()
    )


F = Sighting
SIGHTINGS: list[tuple[str, Handler, Sighting, str]] = [
    ("mailgun", answering(200, {"items": [{"event": "accepted"}]}), F.FOUND, OWN_ID),
    ("mailgun", answering(200, {"items": []}), F.ABSENT, ""),
    ("mailgun", answering(200, {}), F.UNAVAILABLE, ""),
    ("mailgun", answering(500, {"items": []}), F.UNAVAILABLE, ""),
    ("mailgun", hang_up, F.UNAVAILABLE, ""),
    ("postmark", answering(200, {"Messages": [{"MessageID": "m"}]}), F.FOUND, "m"),
    ("postmark", answering(200, {"TotalCount": 0, "Messages": []}), F.ABSENT, ""),
    ("postmark", answering(200, {}), F.UNAVAILABLE, ""),
    ("postmark", answering(401, {}), F.UNAVAILABLE, ""),
    ("postmark", hang_up, F.UNAVAILABLE, ""),
    ("sendgrid", hang_up, F.ABSENT, ""),
]


@pytest.mark.parametrize(("name", "handler", "sighting", "found"), SIGHTINGS)
async def test_what_a_look_up_shows(
    name: str, handler: Handler, sighting: Sighting, found: str
) -> None:
    async with calling(WAYS[name]) as called:
        called.provider.handler = handler
        report = await look_up(called)
    assert (report.sighting, report.provider_message_id) == (sighting, found)


async def test_a_mail_is_looked_for_by_what_it_alone_has(mailgun: Called, postmark: Called) -> None:
    await look_up(mailgun)
    await look_up(postmark)
    (events,), (search,) = mailgun.provider.requests, postmark.provider.requests
    assert (events.path, dict(events.query)) == (
        "/v3/desk.example/events",
        {"message-id": OWN_ID, "limit": "1"},
    )
    assert (search.path, search.query["metadata_sb_message"]) == ("/messages/outbound", SENT)


async def test_the_european_region_has_another_address() -> None:
    way = WAYS["mailgun"].with_settings(region="EU")
    async with calling(way) as called:
        sender = MailgunSender(replace(called.context, api_urls={}))
        assert sender._domain_url(way.account) == "https://api.eu.mailgun.net/v3/desk.example"
        plain = sender._domain_url(WAYS["mailgun"].account)
        assert plain == "https://api.mailgun.net/v3/desk.example"
