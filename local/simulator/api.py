"""The provider's API: create, fetch and list messages, with basic authentication."""

from __future__ import annotations

import asyncio
import hmac
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from local.simulator.book import Book
from local.simulator.message import API_VERSION, SentMessage, day_of, new_sid
from local.simulator.receipts import Courier

BODY_CHARACTERS_MAX = 1600
PAGE_SIZE = 50
PAGE_SIZE_MAX = 1000
_DAY_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "DateSent": lambda sent, day: sent == day,
    "DateSent>": lambda sent, day: sent >= day,
    "DateSent<": lambda sent, day: bool(sent) and sent <= day,
}
BASE = f"/{API_VERSION}/Accounts/{{account_sid}}/Messages"


@dataclass(slots=True)
class Api:
    """Handlers of the provider's messaging API for one account."""

    account_sid: str
    token: str
    book: Book
    courier: Courier

    def routes(self) -> list[web.RouteDef]:
        """Give the routes as the provider has them."""
        return [
            web.post(f"{BASE}.json", self._guarded(self.create)),
            web.get(f"{BASE}.json", self._guarded(self.list)),
            web.get(f"{BASE}/{{sid}}.json", self._guarded(self.fetch)),
        ]

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Take a message: 201 with the resource in status `queued`."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        refusal = _refusal(form)
        if refusal is not None:
            return refusal
        dice = self.courier.dice
        fault = dice.call()
        if dice.happens("slow"):
            await asyncio.sleep(dice.faults.slow_ms / 1000)
        if fault in {"throttle", "error_before", "drop_before"}:
            return _play(fault, request)
        message = self._accept(form)
        if fault in {"error_after", "drop_after"}:
            return _play(fault, request)
        return web.json_response(message.resource(), status=201)

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """Give one message."""
        message = self.book.get(request.match_info["sid"])
        if message is None:
            return error(404, 20404, f"The requested resource {request.path} was not found")
        return web.json_response(message.resource())

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Give messages, the latest first, by `To`, `From` and `DateSent` (a day, UTC)."""
        size = min(PAGE_SIZE_MAX, max(1, int(request.query.get("PageSize", PAGE_SIZE))))
        page = max(0, int(request.query.get("Page", "0")))
        found = [each for each in self.book.latest_first() if _matches(each, request.query)]
        shown = found[page * size : (page + 1) * size]
        return web.json_response(
            {
                "messages": [each.resource() for each in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(0, len(shown) - 1),
                "uri": request.path_qs,
                "first_page_uri": _page_uri(request, 0, size),
                "previous_page_uri": _page_uri(request, page - 1, size) if page else None,
                "next_page_uri": (
                    _page_uri(request, page + 1, size) if len(found) > (page + 1) * size else None
                ),
            }
        )

    def _accept(self, form: Mapping[str, str]) -> SentMessage:
        message = SentMessage(
            sid=new_sid(),
            account_sid=self.account_sid,
            sender=form["From"],
            recipient=form["To"],
            body=form["Body"],
            status_callback=form.get("StatusCallback", ""),
            created_ms=time.time_ns() // 1_000_000,
        )
        self.book.add(message)
        self.courier.carry(message)
        return message

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Let only the account itself in."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if not self._is_ours(request):
                return error(401, 20003, "Authenticate")
            if request.match_info["account_sid"] != self.account_sid:
                return error(404, 20404, f"The requested resource {request.path} was not found")
            return await handler(request)

        return guarded

    def _is_ours(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "")
        login = b64encode(f"{self.account_sid}:{self.token}".encode()).decode()
        return hmac.compare_digest(given.encode(), f"Basic {login}".encode())


def error(status: int, code: int, message: str) -> web.Response:
    """Give an error in the provider's form."""
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status)


def _refusal(form: Mapping[str, str]) -> web.Response | None:
    if not form.get("To"):
        return error(400, 21604, "A 'To' phone number is required.")
    if not form.get("From"):
        return error(400, 21603, "A 'From' phone number is required.")
    if not form.get("Body"):
        return error(400, 21602, "Message body is required.")
    if len(form["Body"]) > BODY_CHARACTERS_MAX:
        return error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    return None


def _play(fault: str, request: web.Request) -> web.StreamResponse:
    """Answer a call as the fault wants it."""
    if fault == "throttle":
        return error(429, 20429, "Too Many Requests")
    if fault in {"error_before", "error_after"}:
        return error(500, 20500, "An internal server error has occurred")
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _matches(message: SentMessage, query: Mapping[str, str]) -> bool:
    if "To" in query and message.recipient != query["To"]:
        return False
    if "From" in query and message.sender != query["From"]:
        return False
    sent = day_of(message.sent_ms) if message.sent_ms else ""
    days = ((key, value[:10]) for key, value in query.items() if key in _DAY_TESTS)
    return all(_DAY_TESTS[key](sent, day) for key, day in days)


def _page_uri(request: web.Request, page: int, size: int) -> str:
    query = {**request.query, "Page": str(page), "PageSize": str(size)}
    return f"{request.path}?{urlencode(query)}"
