"""Where each provider keeps its files, on a real socket: what is asked, with which credentials."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from local.ports import free_ports
from services.intake.core.account import Account
from services.intake.core.model import Attachment
from services.intake.shell.channels.discovery import discover
from services.intake.shell.channels.protocol import MediaContext
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, SafeFetcher, Unfetchable
from tests.component.intake.provider import Handler, Provider, answering, listening
from tests.unit.intake.doors import account

PICTURE = b"\x89PNG\r\n\x1a\n" + b"p" * 500
BYTES_MAX = 30 * 1024 * 1024
SID = "ACdeadbeefdeadbeefdeadbeefdeadbeef"
MEDIUM = (
    f"/2010-04-01/Accounts/{SID}/Messages/MM{'1' * 32}/Media/ME557ce644e5ab84fa21cc21112e22c485"
)
FIELDS: Mapping[str, dict[str, Any]] = {
    "twilio": {"secrets": {"auth_token": ("token",)}},
    "twilio_voice": {"secrets": {"auth_token": ("token",)}},
    "whatsapp": {
        "settings": {"phone_number_id": "1067"},
        "secrets": {"access_token": ("token", "older")},
    },
    "messenger": {"secrets": {"access_token": ("token",)}},
    "telegram": {"secrets": {"bot_token": ("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",)}},
    "line": {"secrets": {"access_token": ("token",)}},
    "slack": {"secrets": {"bot_token": ("token",)}},
}
ACCOUNTS = {name: account(provider=name, **fields) for name, fields in FIELDS.items()}
BEARER = "Bearer token"


def file(reference: str, **changes: Any) -> Attachment:
    """A file as a hook wrote it down."""
    fields: dict[str, Any] = {
        "attachment_id": "m-0",
        "file_name": "",
        "media_type": "",
        "size_bytes": 0,
    }
    return Attachment(**fields | changes, reference=reference)


@dataclass
class World:
    """A provider's API by path, and a source that asks it."""

    provider: Provider = field(default_factory=Provider)
    routes: dict[str, Handler] = field(default_factory=dict)
    origin: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """As the route says; 500 for what no route knows."""
        handler = self.routes.get(request.path, answering(500))
        return await handler(request)

    @property
    def asked(self) -> list[tuple[str, str | None]]:
        """Each path with its query, and the credentials that came along."""
        seen = self.provider.requests
        return [(each.raw_path, each.headers.get("Authorization")) for each in seen]

    async def fetch(self, name: str, given: Attachment, account: Account | None = None) -> Fetched:
        """The file, from the source of the channel."""
        async with self._fetcher() as fetcher:
            context = MediaContext(fetcher, {name: self.origin}, BYTES_MAX)
            (channel,) = (each for each in discover() if each.provider == name)
            assert channel.media_source is not None
            return await channel.media_source(context).fetch(given, account or ACCOUNTS[name])

    @asynccontextmanager
    async def _fetcher(self) -> AsyncIterator[SafeFetcher]:
        fetcher = SafeFetcher()
        await fetcher.start()
        try:
            yield fetcher
        finally:
            await fetcher.stop()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    (port,) = free_ports(1)
    made = World(origin=f"http://127.0.0.1:{port}")
    made.provider.handler = made.answer
    async with listening(made.provider, port):
        yield made


async def picture(_: web.Request) -> web.StreamResponse:
    return web.Response(body=PICTURE, content_type="image/png")


async def test_twilio_is_asked_with_the_accounts_login_and_followed(world: World) -> None:
    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": f"{world.origin}/signed?a=b%2Fc"})

    world.routes = {MEDIUM: redirect, "/signed": picture}
    found = await world.fetch("twilio", file(f"https://api.twilio.com{MEDIUM}"))
    assert (found.content, found.media_type) == (PICTURE, "image/png")
    login = f"Basic {b64encode(f'{SID}:token'.encode()).decode()}"
    assert world.asked[0] == (MEDIUM, login)
    assert world.asked[1][0] == "/signed?a=b%2Fc"


@pytest.mark.parametrize(
    "reference",
    [
        f"https://api.twilio.com{MEDIUM}.json",
        f"https://api.twilio.com{MEDIUM}?x=y",
        f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json",
        f"https://api.twilio.com{MEDIUM}".replace(SID, "AC" + "0" * 32),
        f"https://api.twilio.com.evil.example{MEDIUM}",
        f"https://evil.example{MEDIUM}",
        f"http://api.twilio.com{MEDIUM}",
        "whatsapp:1",
        "",
    ],
)
async def test_twilios_token_opens_media_of_its_account_only(world: World, reference: str) -> None:
    with pytest.raises(Forbidden, match="reference_unknown"):
        await world.fetch("twilio", file(reference))
    assert world.asked == []


async def test_twilio_is_asked_for_voice_messages_of_its_account_only(world: World) -> None:
    recording = f"/2010-04-01/Accounts/{SID}/Recordings/RE{'0' * 32}.mp3"
    world.routes = {recording: picture}
    found = await world.fetch("twilio_voice", file(f"https://api.twilio.com{recording}"))
    assert found.content == PICTURE
    assert [path for path, _ in world.asked] == [recording]
    for reference in (MEDIUM, recording.replace(SID, "AC" + "0" * 32), f"{recording}?x=y"):
        with pytest.raises(Forbidden, match="reference_unknown"):
            await world.fetch("twilio_voice", file(f"https://api.twilio.com{reference}"))
    assert len(world.asked) == 1


async def test_whatsapp_is_asked_for_an_address_and_then_there(world: World) -> None:
    where = {"url": f"{world.origin}/attachments?mid=7&hash=a%2Bb", "mime_type": "image/png"}
    world.routes = {"/v23.0/760": answering(200, where), "/attachments": picture}
    found = await world.fetch("whatsapp", file("whatsapp:760"))
    assert found.content == PICTURE
    assert world.asked == [
        ("/v23.0/760?phone_number_id=1067", BEARER),
        ("/attachments?mid=7&hash=a%2Bb", BEARER),
    ]


async def test_whatsapps_token_goes_to_meta_only(world: World) -> None:
    world.routes = {"/v23.0/760": answering(200, {"url": "https://evil.example/x"})}
    with pytest.raises(Forbidden, match="host_not_allowed"):
        await world.fetch("whatsapp", file("whatsapp:760"))


async def test_whatsapps_address_is_asked_for_again_where_it_leads_nowhere(world: World) -> None:
    world.routes = {
        "/v23.0/760": answering(200, {"url": f"{world.origin}/gone"}),
        "/gone": answering(404),
    }
    with pytest.raises(Unfetchable, match="http_404"):
        await world.fetch("whatsapp", file("whatsapp:760"))


async def test_what_whatsapp_says_is_too_large_is_not_downloaded(world: World) -> None:
    told = {"url": f"{world.origin}/attachments", "file_size": BYTES_MAX + 1}
    world.routes = {"/v23.0/760": answering(200, told)}
    with pytest.raises(Forbidden, match="too_large"):
        await world.fetch("whatsapp", file("whatsapp:760"))
    assert len(world.asked) == 1


@pytest.mark.parametrize("answer", ["<html>", "[]", {}, {"url": 7}])
async def test_an_answer_without_an_address_is_none(world: World, answer: Any) -> None:
    world.routes = {"/v23.0/760": answering(200, answer)}
    with pytest.raises((Unfetchable, Forbidden)):
        await world.fetch("whatsapp", file("whatsapp:760"))


async def test_messenger_is_asked_without_credentials(world: World) -> None:
    world.routes = {"/v/label.png": picture}
    found = await world.fetch("messenger", file(f"{world.origin}/v/label.png?oh=1&oe=2"))
    assert found.content == PICTURE
    assert world.asked == [("/v/label.png?oh=1&oe=2", None)]


async def test_an_address_of_messenger_that_has_expired_is_not_asked_again(world: World) -> None:
    world.routes = {"/v/label.png": answering(403)}
    with pytest.raises(Forbidden, match="expired"):
        await world.fetch("messenger", file(f"{world.origin}/v/label.png"))


async def test_telegram_is_asked_for_a_path_and_then_there(world: World) -> None:
    bot = f"bot{ACCOUNTS['telegram'].key('bot_token')}"
    told = {"ok": True, "result": {"file_id": "AwADBA", "file_path": "voice/file 1.oga"}}
    world.routes = {
        f"/{bot}/getFile": answering(200, told),
        f"/file/{bot}/voice/file 1.oga": picture,
    }
    found = await world.fetch("telegram", file("telegram:AwADBA"))
    assert found.content == PICTURE
    assert [path for path, _ in world.asked] == [
        f"/{bot}/getFile?file_id=AwADBA",
        f"/file/{bot}/voice/file%201.oga",
    ]


async def test_telegram_is_not_asked_for_more_than_it_gives(world: World) -> None:
    with pytest.raises(Forbidden, match="too_large"):
        await world.fetch("telegram", file("telegram:AwADBA", size_bytes=21 * 1024 * 1024))
    assert world.asked == []


async def test_line_gives_a_picture_at_once(world: World) -> None:
    world.routes = {"/v2/bot/message/5255/content": picture}
    assert (await world.fetch("line", file("line:5255"))).content == PICTURE
    assert world.asked == [("/v2/bot/message/5255/content", BEARER)]


@pytest.mark.parametrize("media_type", ["video/mp4", "audio/mp4"])
async def test_line_prepares_sound_and_film_first(world: World, media_type: str) -> None:
    content = "/v2/bot/message/5255/content"
    told: dict[str, str] = {}

    async def status(_: web.Request) -> web.StreamResponse:
        return web.json_response(told)

    world.routes = {f"{content}/transcoding": status, content: picture}
    for state in ("processing", "something new"):
        told["status"] = state
        with pytest.raises(Unfetchable) as early:
            await world.fetch("line", file("line:5255", media_type=media_type))
        assert early.value.retry_after_ms == 5000
    told["status"] = "failed"
    with pytest.raises(Forbidden, match="preparation_failed"):
        await world.fetch("line", file("line:5255", media_type=media_type))
    assert [path for path, _ in world.asked] == [f"{content}/transcoding"] * 3
    told["status"] = "succeeded"
    found = await world.fetch("line", file("line:5255", media_type=media_type))
    assert found.content == PICTURE


async def test_slack_is_asked_with_the_apps_token(world: World) -> None:
    world.routes = {"/files-pri/T0-F0/download/label.png": picture}
    url = f"{world.origin}/files-pri/T0-F0/download/label.png"
    assert (await world.fetch("slack", file(url))).content == PICTURE
    assert world.asked == [("/files-pri/T0-F0/download/label.png", BEARER)]


async def test_slack_is_asked_where_a_shared_file_is(world: World) -> None:
    url = f"{world.origin}/files-pri/T0-F7/download/label.png"
    told = {"ok": True, "file": {"url_private": "https://x", "url_private_download": url}}
    world.routes = {
        "/api/files.info": answering(200, told),
        "/files-pri/T0-F7/download/label.png": picture,
    }
    assert (await world.fetch("slack", file("slack:F7"))).content == PICTURE
    assert world.asked[0] == ("/api/files.info?file=F7", BEARER)


async def test_slacks_login_page_is_no_file(world: World) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<!DOCTYPE html>", content_type="text/html")

    world.routes = {"/files-pri/T0-F0/label.png": page}
    url = f"{world.origin}/files-pri/T0-F0/label.png"
    with pytest.raises(Unfetchable, match="scope_missing"):
        await world.fetch("slack", file(url, media_type="image/png"))
    found = await world.fetch("slack", file(url, media_type="text/html"))
    assert found.content == b"<!DOCTYPE html>"


@pytest.mark.parametrize(("error", "raised"), [("file_deleted", Forbidden), ("x", Unfetchable)])
async def test_slack_says_that_a_file_is_gone(
    world: World, error: str, raised: type[Exception]
) -> None:
    world.routes = {"/api/files.info": answering(200, {"ok": False, "error": error})}
    with pytest.raises(raised):
        await world.fetch("slack", file("slack:F7"))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/files-pri/T0-F0/x",
        "https://files.slack.com.evil.example/files-pri/T0-F0/x",
        "https://slack.com/api/conversations.list",
        "https://slack.com/api/files.info?file=F0&x=/files-pri/",
        "http://files.slack.com/files-pri/T0-F0/x",
        "https://docs.example/shared/document",
    ],
)
async def test_slacks_token_goes_to_its_files_only(world: World, url: str) -> None:
    with pytest.raises(Forbidden):
        await world.fetch("slack", file(url))
    told = {"ok": True, "file": {"url_private": url}}
    world.routes = {"/api/files.info": answering(200, told)}
    with pytest.raises(Forbidden):
        await world.fetch("slack", file("slack:F7"))


@pytest.mark.parametrize("name", ["whatsapp", "telegram", "line", "slack"])
@pytest.mark.parametrize("of", ["1/../../me", "1?x=y", "1#", "", "é", "1 2", "other:1", "1" * 999])
async def test_an_id_is_an_id_and_no_path(world: World, name: str, of: str) -> None:
    with pytest.raises(Forbidden):
        await world.fetch(name, file(f"{name}:{of}"))
    assert world.asked == []


@pytest.mark.parametrize("name", ["messenger", "line"])
async def test_an_address_that_a_message_names_leads_to_no_private_place(
    world: World, name: str
) -> None:
    for url in ("https://127.0.0.1/x", "https://localhost/x", "http://10.0.0.1/"):
        with pytest.raises(Forbidden):
            await world.fetch(name, file(url))
    assert world.asked == []


def test_every_channel_that_names_files_knows_where_they_are() -> None:
    without = {channel.provider for channel in discover() if channel.media_source is None}
    brought_along = {"imap", "mailgun", "postmark", "sendgrid", "smtp"}  # files are in the mail
    assert without - brought_along == {"web", "web_chat"}, "forms and chats bring no files yet"
