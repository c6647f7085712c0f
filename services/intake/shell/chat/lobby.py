"""Which session a browser gets: whose token it had, and whom the site says it is.

A visitor whom the site names stays who they were, so what they asked before they signed in goes on;
from then on that person is this visitor, on every device, and a token that does not name them opens
nothing any more: somebody else may have had this browser before. Who is not named any longer is
somebody new.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.clock import Clock
from services.intake.core.account import Account
from services.intake.shell.chat.identities import person_of, stated
from services.intake.shell.chat.lines import LineStore
from services.intake.shell.chat.sealing import BadToken
from services.intake.shell.chat.sessions import (
    Person,
    Session,
    SessionTokens,
    begun,
    new_visitor_id,
)


@dataclass(frozen=True, slots=True)
class Lobby:
    """Gives sessions for all accounts of one process."""

    tokens: SessionTokens
    lines: LineStore
    clock: Clock

    async def enter(self, account: Account, *, token: str, identity: str) -> Session:
        """The session for a browser with this token and this word of its site, both if any.

        Raises `WrongSignature`, `Malformed`, `BadAddress`, `StoreUnavailable`.
        """
        now_ms = self.clock.now_ms()
        known = await self._visitor(account, token)
        if not identity:
            return begun(account.account_id, known or new_visitor_id(), now_ms=now_ms)
        person = person_of(identity, account, now_ms=now_ms)
        visitor_id = await self._visitor_of(account, person, known or new_visitor_id())
        return begun(account.account_id, visitor_id, now_ms=now_ms, person=person)

    async def opened(self, account: Account, token: str) -> Session:
        """The session of a token. Raises `BadToken`, `StoreUnavailable`.

        One without a name of a visitor who has one opens nothing: whoever was here before the
        person may know it.
        """
        session = self.tokens.open(token, account.account_id, now_ms=self.clock.now_ms())
        if session.person is None and await self.lines.is_named(session):
            raise BadToken("the visitor has a name by now")
        return session

    async def _visitor(self, account: Account, token: str) -> str:
        """The visitor of a token, if it opens and the site has never named them; else none."""
        try:
            session = await self.opened(account, token)
        except BadToken:
            return ""
        return "" if session.person else session.visitor_id

    async def _visitor_of(self, account: Account, person: Person, offered: str) -> str:
        """The visitor that a person is; of two who are named at once, one is the one offered."""
        home_id = stated(person, account.tenant_id)[0].home_id
        found = await self.lines.visitor_of(account, home_id, offered)
        while found is None:
            found = await self.lines.visitor_of(account, home_id, new_visitor_id())
        return found
