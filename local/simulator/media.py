"""Files of messages: kept for handsets that send one, given to whoever has their signed address."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from aiohttp import web

KEPT_MAX: Final = 100
SIGNED: Final = "/media/{signature}"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message of a handset."""

    message_sid: str
    media_sid: str
    signature: str
    content: bytes
    media_type: str


class Media:
    """The latest files."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, File] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """Give what needs no login: the handsets' own door, and signed addresses."""
        return [web.post("/admin/media", self.add), web.get(SIGNED, self.content)]

    async def add(self, request: web.Request) -> web.Response:
        """Keep the body; gives the ids under which the API has it."""
        file = File(
            message_sid=f"MM{secrets.token_hex(16)}",
            media_sid=f"ME{secrets.token_hex(16)}",
            signature=secrets.token_urlsafe(24),
            content=await request.read(),
            media_type=request.content_type,
        )
        self._files[file.media_sid] = file
        if len(self._files) > KEPT_MAX:
            self._files.popitem(last=False)
        return web.json_response({"message_sid": file.message_sid, "media_sid": file.media_sid})

    def signed(self, message_sid: str, media_sid: str) -> str:
        """The address of a file of a message, good by itself; empty where there is none."""
        file = self._files.get(media_sid)
        is_known = file is not None and file.message_sid == message_sid
        return SIGNED.format(signature=file.signature) if file and is_known else ""

    async def content(self, request: web.Request) -> web.StreamResponse:
        """Give a file to whoever has its address."""
        signature = request.match_info["signature"]
        found = (file for file in self._files.values() if file.signature == signature)
        file = next(found, None)
        if file is None:
            raise web.HTTPNotFound
        return web.Response(body=file.content, content_type=file.media_type)
