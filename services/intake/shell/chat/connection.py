"""One connection of a widget: it says who it is, then two tasks share it.

One takes frames, each answered before the next is read, so that a visitor who hurries waits in
their own network. The other shows lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Final, NoReturn

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import Account
from services.intake.shell.channels.protocol import Malformed
from services.intake.shell.chat import frames
from services.intake.shell.chat.hub import TooMany
from services.intake.shell.chat.listening import Listener
from services.intake.shell.chat.lobby import Lobby
from services.intake.shell.chat.sealing import BadToken
from services.intake.shell.chat.sessions import Session, begun
from services.intake.shell.chat.standing import Close, Ended, Parts, Standing
from services.intake.shell.chat.telling import Teller
from services.intake.shell.chat.uploads import FILES_MAX

HELLO_SECONDS: Final = 10.0


class Connection:
    """One socket that was accepted, on an account."""

    def __init__(self, socket: WebSocket, account: Account, parts: Parts) -> None:
        self._socket = socket
        self._account = account
        self._parts = parts

    async def serve(self) -> None:
        """Talk until either side ends it."""
        try:
            await self._talk()
        except WebSocketDisconnect:
            self._parts.metrics.chat.closes.labels("gone").inc()
        except Ended as ended:
            self._parts.metrics.chat.closes.labels(int(ended.code)).inc()
            await self._close(ended.code)

    async def _talk(self) -> None:
        hello = await self._greeting()
        session, seen = await self._opened(hello)
        renewed = self._renewed(session)
        standing = Standing(renewed or session, self._account, self._parts)
        try:
            with self._parts.hub.listening(session.account_id, session.visitor_id) as ear:
                await self._welcome(renewed, seen)
                listener, teller = Listener(standing, hello.language), Teller(standing, ear)
                await _first_of(self._listen(listener), self._tell(teller, hello.after))
        except TooMany:
            raise Ended(Close.TOO_MANY) from None

    async def _greeting(self) -> frames.Hello:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                hello = await self._frame()
        except TimeoutError:
            raise Ended(Close.NO_HELLO) from None
        if not isinstance(hello, frames.Hello):
            raise Ended(Close.UNREADABLE)
        return hello

    async def _opened(self, hello: frames.Hello) -> tuple[Session, int]:
        """The session of the token, and the last line that was read in it."""
        parts = self._parts
        lobby = Lobby(parts.tokens, parts.lines, parts.clock)
        try:
            session = await lobby.opened(self._account, hello.token)
            return session, await parts.lines.seen(session)
        except BadToken:
            raise Ended(Close.SIGNED_OUT) from None
        except StoreUnavailable:
            raise Ended(Close.TRY_LATER) from None

    def _renewed(self, session: Session) -> Session | None:
        """What replaces a session that grows old; a person's, the site alone can replace."""
        now_ms = self._parts.clock.now_ms()
        if now_ms < session.renew_at_ms:
            return None
        return begun(session.account_id, session.visitor_id, now_ms=now_ms)

    async def _welcome(self, renewed: Session | None, seen: int) -> None:
        token = self._parts.tokens.seal(renewed) if renewed else ""
        takes_files = self._account.takes_visitor_files
        welcome = frames.welcome(
            token=token,
            seen=seen,
            now_ms=self._parts.clock.now_ms(),
            file_bytes_max=self._parts.uploads.bytes_max if takes_files else 0,
            files_max=FILES_MAX,
        )
        await self._send(welcome)

    async def _listen(self, listener: Listener) -> NoReturn:
        while True:
            for answer in await listener.answer(await self._frame()):
                await self._send(answer)

    async def _tell(self, teller: Teller, shown: int | None) -> NoReturn:
        async with aclosing(teller.frames(shown)) as told:
            async for frame in told:
                await self._send(frame)
        raise AssertionError("there is always more to tell")

    async def _frame(self) -> frames.Frame:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        text = message.get("text")
        if text is None:
            raise Ended(Close.NOT_TEXT)
        try:
            return frames.parse(text)
        except Malformed:
            raise Ended(Close.UNREADABLE) from None

    async def _send(self, frame: str) -> None:
        """Return once it has left us; a peer that takes nothing is cut, and then this raises."""
        await self._socket.send_text(frame)

    async def _close(self, code: Close) -> None:
        try:
            await self._socket.close(code)
        except (WebSocketDisconnect, WebSocketDisconnected):
            return  # they were quicker


async def _first_of(*works: Coroutine[Any, Any, NoReturn]) -> None:
    """Run all until one ends, as it must in an exception; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
