"""What a widget says, and what it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.intake.core.account import Account
from services.intake.core.model import Attachment, Progress
from services.intake.shell.admission import Overloaded, Priority
from services.intake.shell.channels.web_chat import displayed, heard
from services.intake.shell.chat import frames
from services.intake.shell.chat.identities import stated
from services.intake.shell.chat.lines import PAGE
from services.intake.shell.chat.sealing import BadToken
from services.intake.shell.chat.standing import Close, Ended, Standing
from services.intake.shell.chat.uploads import FILES_MAX, NotTaken, Owner, Why

RETRY_AFTER_MS: Final = 2_000


class Listener:
    """Takes one frame after the other, for one connection."""

    def __init__(self, standing: Standing, language: str) -> None:
        self._standing = standing
        self._session = standing.session
        self._parts = standing.parts
        self._language = language
        self._reported: dict[Progress, int] = {}

    async def answer(self, frame: frames.Frame) -> Sequence[str]:
        """Do what the frame asks for; gives the frames to answer. Raises `Ended`."""
        if self._parts.limits.frames.wait_ms(self._session.visitor_id):
            raise Ended(Close.TOO_FAST)
        named = frame.id if isinstance(frame, frames.Said) else ""
        try:
            with self._parts.admission.enter(Priority.PATIENT if named else Priority.RECEIPT):
                return await self._done(frame)
        except (BusUnavailable, StoreUnavailable, Overloaded):
            return [frames.error("not_now", id=named, retry_after_ms=RETRY_AFTER_MS)]

    async def _done(self, frame: frames.Frame) -> Sequence[str]:
        match frame:
            case frames.Said():
                return [await self._taken(frame)]
            case frames.Progressed():
                await self._report(frame)
                return []
            case frames.Earlier():
                return await self._page(frame)
            case frames.Hello():
                raise Ended(Close.UNREADABLE)

    async def _page(self, asked: frames.Earlier) -> Sequence[str]:
        wait_ms = self._parts.limits.pages.wait_ms(self._session.visitor_id)
        if wait_ms:
            return [frames.error("too_fast", retry_after_ms=wait_ms)]
        lines = await self._parts.lines.before(self._session, asked.before)
        return [*map(self._standing.shown, lines), frames.earlier(more=len(lines) == PAGE)]

    async def _taken(self, said: frames.Said) -> str:
        """Accepted only once it is durable."""
        if not said.text and not said.files:
            return frames.error("empty", id=said.id)
        if len(said.text) > frames.TEXT_CHARACTERS_MAX:
            return frames.error("too_long", id=said.id)
        if len(said.files) > FILES_MAX:
            return frames.error("too_many_files", id=said.id)
        wait_ms = self._parts.limits.messages.wait_ms(self._session.visitor_id)
        if wait_ms:
            return frames.error("too_fast", id=said.id, retry_after_ms=wait_ms)
        wait_ms = self._parts.limits.of_account.wait_ms(self._session.account_id)
        if wait_ms:
            return frames.error("too_busy", id=said.id, retry_after_ms=wait_ms)
        account = await self._standing.account()
        try:
            files = await self._named(said, account)
        except (BadToken, NotTaken):
            return frames.error("no_file", id=said.id)
        return frames.accepted(said, await self._publish(said, account, files))

    async def _named(self, said: frames.Said, account: Account) -> Sequence[Attachment]:
        """The files of a message: this visitor's own alone, and kept from now on."""
        if said.files and not account.takes_visitor_files:
            raise NotTaken(Why.GONE)
        owner = Owner(account.tenant_id, account.account_id, self._session.visitor_id)
        return [await self._parts.uploads.named(owner, each) for each in said.files]

    async def _publish(
        self, said: frames.Said, account: Account, files: Sequence[Attachment]
    ) -> str:
        person = self._session.person
        item = heard(
            account,
            self._session.visitor_id,
            client_id=said.id,
            text=said.text,
            files=files,
            now_ms=self._standing.now_ms,
            language=self._language,
            name=person.name if person else "",
            also_known_as=stated(person, account.tenant_id) if person else (),
        )
        await self._parts.reception.take([item], account)
        return item.message.message_id

    async def _report(self, progressed: frames.Progressed) -> None:
        """Receipts for what has not come so far yet; the widget repeats what we could not take."""
        progress = Progress.READ if progressed.seen else Progress.DELIVERED
        if progressed.cursor <= self._reported.get(progress, 0):
            return
        account, session = await self._standing.account(), self._session
        behind = await self._parts.lines.behind(session, progressed.cursor, progress)
        now_ms = self._standing.now_ms
        items = [
            displayed(account, session.visitor_id, each, progress, now_ms=now_ms) for each in behind
        ]
        await self._parts.reception.take(items, account)
        self._reported[progress] = progressed.cursor
