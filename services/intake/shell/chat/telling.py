"""What a visitor is shown: every line once, in order, from the table alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from services.chassis.bus.fates import StoreUnavailable
from services.intake.shell.chat import frames
from services.intake.shell.chat.hub import Ear
from services.intake.shell.chat.lines import PAGE, Line
from services.intake.shell.chat.standing import Standing

ALIVE_SECONDS: Final = 20.0
STORE_RETRY_SECONDS: Final = 1.0


class Teller:
    """Shows lines to one connection."""

    def __init__(self, standing: Standing, ear: Ear) -> None:
        self._standing = standing
        self._ear = ear

    async def frames(self, shown: int | None) -> AsyncGenerator[str, None]:
        """Lines behind `shown`, for ever; a fresh widget gets the last page first.

        The ear is listened to before each read, so what comes in between is read the next time.
        Raises `Ended`.
        """
        while True:
            lines = await self._behind(shown)
            for line in lines:
                yield self._standing.shown(line)
            shown = lines[-1].number if lines else shown or 0
            while len(lines) < PAGE and not await self._rings():
                yield frames.alive(self._standing.now_ms)

    async def _behind(self, shown: int | None) -> Sequence[Line]:
        store, session = self._standing.parts.lines, self._standing.session
        while True:
            try:
                if shown is None:
                    return await store.before(session, frames.CURSOR_MAX)
                return await store.after(session, shown)
            except StoreUnavailable:
                await self._standing.check()
                await asyncio.sleep(STORE_RETRY_SECONDS)

    async def _rings(self) -> bool:
        """Wait until there may be something new; False when the widget should hear of us."""
        rang = await self._ear.wait(min(ALIVE_SECONDS, self._standing.left_s))
        await self._standing.check()
        return rang
