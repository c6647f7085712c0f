"""The doors of web chat, for pages of the origins that the account lists in `allowed_origins`.

403  another origin, or none          404  unknown or disabled account, or of another provider
401  the site's signature is wrong or has expired                     400  malformed, with why
503  not now: the store is away, or there is no room for a connection
Those of files have more: `files_door.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import EXAMPLE_PAGE, Account
from services.intake.shell.addresses import BadAddress
from services.intake.shell.channels.forms import json_object
from services.intake.shell.channels.json_fields import text_in
from services.intake.shell.channels.protocol import Malformed
from services.intake.shell.channels.web_chat import PROVIDER
from services.intake.shell.chat import pages
from services.intake.shell.chat.connection import Connection
from services.intake.shell.chat.files_door import HEADERS, FilesDoor
from services.intake.shell.chat.hub import NoRoom
from services.intake.shell.chat.identities import WrongSignature
from services.intake.shell.chat.lobby import Lobby
from services.intake.shell.chat.standing import Parts
from services.intake.shell.http import Door, Endpoint, body_of, not_now

Serve = Callable[[Request, Account], Awaitable[Response]]
ALLOWED_ORIGINS: Final = "allowed_origins"
BODY_BYTES_MAX: Final = 16 * 1024
PREFLIGHT_SECONDS: Final = 600


class ChatDoor:
    """Sessions, sockets and the widget of one process."""

    def __init__(self, door: Door, parts: Parts) -> None:
        self._door = door
        self._lobby = Lobby(parts.tokens, parts.lines, parts.clock)
        self._files = FilesDoor(parts, self._lobby)
        self._parts = parts
        self._widget = pages.WidgetFile.read()

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        sessions = self._for_site(self._session, may_send="content-type")
        files = self._for_site(self._files.take, may_send=f"authorization, content-type, {HEADERS}")
        example = self._door.endpoint(PROVIDER, self._example)
        return [
            Route("/chat/widget.js", self._file, methods=["GET"]),
            Route("/chat/{account_id}/sessions", sessions, methods=["POST", "OPTIONS"]),
            Route("/chat/{account_id}/files", files, methods=["POST", "OPTIONS"]),
            Route("/chat/{account_id}/example", example, methods=["GET"]),
            WebSocketRoute("/chat/{account_id}/ws", self._socket),
        ]

    async def _file(self, request: Request) -> Response:
        return self._widget.response(request) if self._widget else pages.not_built()

    async def _example(self, request: Request, provider: str) -> Response:
        account = await self._door.account(request.path_params["account_id"], provider)
        if not account.says(EXAMPLE_PAGE):
            raise HTTPException(404, "no such page")
        return pages.example(account.account_id, account.display_name, account.language)

    def _for_site(self, serve: Serve, *, may_send: str) -> Endpoint:
        """`serve`, for pages of the account's site: they may read every answer to it."""

        async def answer(request: Request, _: str) -> Response:
            account = await self._of_site(request)
            try:
                asking = request.method == "OPTIONS"
                response = _preflight(may_send) if asking else await serve(request, account)
            except HTTPException as refused:
                response = PlainTextResponse(refused.detail, refused.status_code, refused.headers)
            response.headers.update(_readable_by(request.headers["origin"]))
            return response

        return self._door.endpoint(PROVIDER, answer)

    async def _session(self, request: Request, account: Account) -> Response:
        asked = await _asked(request)
        try:
            session = await self._lobby.enter(
                account, token=text_in(asked, "token"), identity=text_in(asked, "identity")
            )
        except WrongSignature:
            raise HTTPException(401, "identity is not signed, or has expired") from None
        except (Malformed, BadAddress) as error:
            raise HTTPException(400, str(error)) from None
        except StoreUnavailable:
            raise not_now("sessions cannot be read") from None
        said = {
            "token": self._parts.tokens.seal(session),
            "visitor_id": session.visitor_id,
            "expires_at_ms": session.expires_at_ms,
        }
        return JSONResponse(said, 201, headers={"cache-control": "no-store"})

    async def _socket(self, socket: WebSocket) -> None:
        try:
            account = await self._of_site(socket)
            with self._parts.hub.admitted():
                await socket.accept()
                self._count(101)
                await Connection(socket, account, self._parts).serve()
        except HTTPException as refused:
            await self._refuse(socket, refused)
        except NoRoom:
            await self._refuse(socket, not_now("no room"))

    async def _of_site(self, asking: HTTPConnection) -> Account:
        """The account, if one of its site's pages asks."""
        account = await self._door.account(asking.path_params["account_id"], PROVIDER)
        if not is_allowed(asking.headers.get("origin", ""), account):
            raise HTTPException(403, "not a page of this account's site")
        return account

    async def _refuse(self, socket: WebSocket, why: HTTPException) -> None:
        response = PlainTextResponse(why.detail, why.status_code, why.headers)
        await socket.send_denial_response(response)
        self._count(why.status_code)

    def _count(self, status: int) -> None:
        self._parts.metrics.requests.labels(PROVIDER, status).inc()


def is_allowed(origin: str, account: Account) -> bool:
    """Whether the account lists the origin; browsers state it on every socket and every POST."""
    listed = account.settings.get(ALLOWED_ORIGINS, "").lower().split()
    return bool(origin) and origin.lower() in (each.rstrip("/") for each in listed)


async def _asked(request: Request) -> Mapping[str, Any]:
    body = await body_of(request, BODY_BYTES_MAX)
    try:
        return json_object(body) if body else {}
    except Malformed as error:
        raise HTTPException(400, str(error)) from None


def _preflight(may_send: str) -> Response:
    said = {
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": may_send,
        "access-control-max-age": str(PREFLIGHT_SECONDS),
    }
    return Response(status_code=204, headers=said)


def _readable_by(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "vary": "origin"}
