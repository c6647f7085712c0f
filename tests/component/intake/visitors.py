"""A visitor of a web page: the widget's side of the sockets, as far as the wire goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import asyncpg
import jwt
from switchboard.intake.v1 import conversation_service_pb2

from services.intake.core.account import Account
from services.intake.core.model import Channel
from services.intake.shell.chat.uploads import PIECE_BYTES
from tests.component.intake.house import Visit
from tests.support.waiting import DEADLINE_S, until
from tests.unit.intake.doors import account

SITE = "https://shop.example"
IDENTITY_KEY = "0123456789abcdef0123456789abcdef"
Frame = Mapping[str, Any]


def chat_account(account_id: str, **settings: str) -> Account:
    """An account of web chat for the pages of `SITE`, or of other `allowed_origins`."""
    return account(
        account_id=account_id,
        channel=Channel.CHAT,
        provider="web_chat",
        address="shop",
        settings={"allowed_origins": SITE} | settings,
        secrets={"identity_key": (IDENTITY_KEY,)},
    )


def proof(*, key: str = IDENTITY_KEY, **claims: Any) -> str:
    """What the site's server signs."""
    return jwt.encode(claims, key, algorithm="HS256")


@dataclass
class Socket:
    """One connection, greeted."""

    ws: aiohttp.ClientWebSocketResponse
    seen: list[Frame] = field(default_factory=list)

    async def say(self, **frame: Any) -> None:
        """Send a frame."""
        await self.ws.send_json(frame)

    async def hear(self, kind: str, **fields: Any) -> Frame:
        """The next frame of a kind with these fields; what comes before it is kept in `seen`."""
        while True:
            frame = await self.ws.receive_json(timeout=DEADLINE_S)
            self.seen.append(frame)
            if frame["type"] == kind and fields.items() <= frame.items():
                return dict(frame)

    async def hear_text(self, text: str) -> Frame:
        """The line with this text."""
        return await self.hear("message", text=text)

    async def write(self, text: str, *, client_id: str = "", files: Sequence[str] = ()) -> Frame:
        """Write, and wait until it is accepted."""
        named = client_id or str(uuid4())
        with_files = {"files": [*files]} if files else {}
        await self.say(type="message", id=named, text=text, **with_files)
        return await self.hear("accepted", id=named)

    async def ended(self) -> int | None:
        """How the server has closed it."""
        async with asyncio.timeout(DEADLINE_S):
            async for _ in self.ws:
                pass
        return self.ws.close_code

    @property
    def lines(self) -> list[Frame]:
        """The lines that were shown."""
        return [frame for frame in self.seen if frame["type"] == "message"]


@dataclass
class Visitor:
    """A browser on a page of the site."""

    visit: Visit
    account_id: str
    origin: str = SITE
    token: str = ""

    async def enter(self, *, identity: str = "") -> int:
        """Ask for a session; keeps its token and gives the status."""
        url = f"{self.visit.house.http_url}/chat/{self.account_id}/sessions"
        asked = {"token": self.token, "identity": identity}
        headers = {"Origin": self.origin} if self.origin else {}
        async with self.visit.session.post(url, json=asked, headers=headers) as answer:
            if answer.status == 201:
                self.token = (await answer.json())["token"]
            return answer.status

    @property
    def files_url(self) -> str:
        """Where files go."""
        return f"{self.visit.house.http_url}/chat/{self.account_id}/files"

    def headers(self, **more: str) -> dict[str, str]:
        """Those of an upload: `file_name`, `so_far` and `content_type`, as far as there are any."""
        stated = {
            "Origin": self.origin,
            "Authorization": f"Bearer {self.token}" if self.token else "",
            "Content-Type": more.get("content_type", "application/octet-stream"),
            "X-File-Name": quote(more.get("file_name", "")),
            "X-File-So-Far": more.get("so_far", ""),
        }
        return {name: value for name, value in stated.items() if value}

    async def upload(self, piece: bytes, **more: str) -> tuple[int, Any]:
        """Send a piece of a file up; gives the status and what is said."""
        headers = self.headers(**more)
        async with self.visit.session.post(self.files_url, data=piece, headers=headers) as answer:
            told = await (answer.json() if answer.status in {201, 202} else answer.text())
            readable = answer.headers.get("access-control-allow-origin")
            assert (
                readable == (None if answer.status == 403 else self.origin) or answer.status == 404
            )
            return answer.status, told

    async def uploaded(self, content: bytes, file_name: str = "photo.png") -> str:
        """Send a file up as the widget does; gives what a message names it by."""
        told: Any = {"so_far": ""}
        while len(content) > PIECE_BYTES:
            status, told = await self.upload(content[:PIECE_BYTES], so_far=told["so_far"])
            assert status == 202, told
            content = content[PIECE_BYTES:]
        status, told = await self.upload(content, so_far=told["so_far"], file_name=file_name)
        assert status == 201, told
        return str(told["file"])

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A connection, before anything was said on it."""
        url = f"{self.visit.house.http_url}/chat/{self.account_id}/ws"
        async with self.visit.session.ws_connect(url, origin=self.origin or None) as ws:
            yield ws

    @asynccontextmanager
    async def talking(self, after: int | None = None) -> AsyncIterator[Socket]:
        """A connection that was welcomed."""
        if not self.token:
            assert await self.enter() == 201
        async with self.connected() as ws:
            socket = Socket(ws)
            going_on = {} if after is None else {"after": after}
            await socket.say(type="hello", token=self.token, **going_on)
            await socket.hear("welcome")
            yield socket


async def conversation_of(visit: Visit, message_id: str) -> asyncpg.Record:
    """The conversation of a message, once it is threaded."""

    async def found() -> asyncpg.Record | None:
        return await visit.rows.fetchrow(
            "SELECT c.* FROM conversation c JOIN message USING (conversation_id)"
            " WHERE message_id = $1",
            message_id,
        )

    row = await until(found, what=f"the conversation of {message_id}")
    assert row is not None
    return row


async def note(visit: Visit, conversation: asyncpg.Record, text: str) -> None:
    """An agent writes something that is not for the visitor."""
    ask = conversation_service_pb2.AddNoteRequest(
        request_id=str(uuid4()), conversation_id=conversation["conversation_id"], text=text
    )
    await visit.get("ConversationService.AddNote", ask)
