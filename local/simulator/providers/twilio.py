"""Twilio's Programmable Messaging: create, fetch and list messages, callbacks, inbound SMS.

https://www.twilio.com/docs/messaging/api/message-resource

It takes no idempotency key; messages can be listed by recipient, sender and day.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from local.simulator import overrides
from local.simulator.account import Account, is_same
from local.simulator.calls import called
from local.simulator.message import SentMessage, Written, now_ms
from local.simulator.posting import Patience, Post
from local.simulator.provider import Desk, Journey
from local.simulator.signature import HEADER, sign

NAME = "twilio"
API_VERSION = "2010-04-01"
BODY_CHARACTERS_MAX = 1600
PAGE_SIZE = 50
PAGE_SIZE_MAX = 1000
UNREACHABLE = 30003
"""Error of a handset that can't be reached."""
REPEAT_S = 0.5
CALLBACK = "status_callback"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BASE = f"/{API_VERSION}/Accounts/{{account_sid}}/Messages"
_DAY_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "DateSent": lambda sent, day: sent == day,
    "DateSent>": lambda sent, day: sent >= day,
    "DateSent<": lambda sent, day: bool(sent) and sent <= day,
}
Handler = Callable[[web.Request, Account], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Twilio:
    """The provider."""

    desk: Desk
    journey = Journey(("sent", "delivered"), failed="undelivered", unreachable=UNREACHABLE)

    def routes(self) -> list[web.RouteDef]:
        """Give the routes as the provider has them."""
        return [
            web.post(f"{BASE}.json", self._guarded(self.create)),
            web.get(f"{BASE}.json", self._guarded(self.listed)),
            web.get(f"{BASE}/{{sid}}.json", self._guarded(self.fetch)),
            web.get(f"{BASE}/{{sid}}/Media/{{media_sid}}", self._guarded(self.medium)),
        ]

    async def create(self, request: web.Request, account: Account) -> web.StreamResponse:
        """Take a message: 201 with the resource in status `queued`."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        refusal = _refusal(form)
        if refusal is not None:
            return refusal

        def accept() -> web.Response:
            message = _message(form, account)
            self.desk.accept(message)
            return web.json_response(resource(message, account), status=201)

        return await called(request, self.desk.faults(), accept, self)

    async def fetch(self, request: web.Request, account: Account) -> web.StreamResponse:
        """Give one message."""
        message = self.desk.book.get(request.match_info["sid"])
        if message is None or message.account_id != account.account_id:
            return _not_found(request)
        return web.json_response(resource(message, account))

    async def listed(self, request: web.Request, account: Account) -> web.StreamResponse:
        """Give messages, the latest first, by `To`, `From` and `DateSent` (a day, UTC)."""
        query = request.query
        size = min(PAGE_SIZE_MAX, max(1, int(query.get("PageSize", PAGE_SIZE))))
        page = max(0, int(query.get("Page", "0")))
        found = [each for each in self._latest_first(account, query) if _matches(each, query)]
        shown = found[page * size : (page + 1) * size]
        has_more = len(found) > (page + 1) * size
        return web.json_response(
            {
                "messages": [resource(each, account) for each in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(0, len(shown) - 1),
                "uri": request.path_qs,
                "first_page_uri": _page_uri(request, 0, size),
                "previous_page_uri": _page_uri(request, page - 1, size) if page else None,
                "next_page_uri": _page_uri(request, page + 1, size) if has_more else None,
            }
        )

    async def medium(self, request: web.Request, account: Account) -> web.StreamResponse:
        """Send whoever asks for a file to its address, which is signed for a while."""
        del account
        sid, media_sid = request.match_info["sid"], request.match_info["media_sid"]
        signed = self.desk.media.signed(sid, media_sid)
        if not signed:
            return _not_found(request)
        return web.Response(status=307, headers={"Location": signed})

    def throttled(self) -> web.Response:
        """Twilio processes nothing of what it answers so."""
        return error(429, 20429, "Too Many Requests")

    def broken(self) -> web.Response:
        """An error of Twilio's own."""
        return error(500, 20500, "An internal server error has occurred")

    def receipt(self, message: SentMessage) -> Post | None:
        """The callback that the message was created with."""
        callback = message.facts.get(CALLBACK, "")
        account = self.desk.accounts.get(message.account_id)
        if account is None:
            return None
        return _post((callback,) if callback else (), _receipt(message, account), account)

    def name_of_next(self, account: Account, person: str) -> str:
        """A message's SID."""
        del account, person
        return new_sid()

    def inbound(self, written: Written, account: Account) -> Post | None:
        """The form of an inbound SMS."""
        return _post(account.webhooks, inbound_form(written, account), account)

    def _latest_first(self, account: Account, query: Mapping[str, str]) -> list[SentMessage]:
        book = self.desk.book
        if "To" in query:
            return list(reversed(book.sent_to(account.account_id, query["To"])))
        return [each for each in book.latest_first() if each.account_id == account.account_id]

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Let only the account itself in."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "")
            account = next(
                (each for each in self.desk.accounts if is_same(_login(each), given)), None
            )
            if account is None:
                return error(401, 20003, "Authenticate")
            if request.match_info["account_sid"] != account.setting("account_sid"):
                return _not_found(request)
            return await handler(request, account)

        return guarded


def resource(message: SentMessage, account: Account) -> dict[str, Any]:
    """Give the JSON of the API's Message resource."""
    sid = account.setting("account_sid")
    uri = f"/{API_VERSION}/Accounts/{sid}/Messages/{message.sid}"
    return {
        "account_sid": sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": _rfc2822(message.created_ms),
        "date_sent": _rfc2822(message.sent_ms) if message.sent_ms else None,
        "date_updated": _rfc2822(max(message.created_ms, message.sent_ms)),
        "direction": "outbound-api",
        "error_code": message.error_code or None,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(segments(message.body)),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.recipient,
        "uri": f"{uri}.json",
    }


def inbound_form(written: Written, account: Account) -> dict[str, str]:
    """Give the form that Twilio posts for an SMS from a customer."""
    return {
        "ToCountry": "US",
        "SmsMessageSid": written.name,
        "NumMedia": "0",
        "SmsSid": written.name,
        "SmsStatus": "received",
        "Body": written.text,
        "FromCountry": "US",
        "To": account.address,
        "NumSegments": str(segments(written.text)),
        "MessageSid": written.name,
        "AccountSid": account.setting("account_sid"),
        "From": written.person,
        "ApiVersion": API_VERSION,
    }


def new_sid() -> str:
    """Make a message id in the provider's form."""
    return "SM" + secrets.token_hex(16)


def segments(body: str) -> int:
    """Give how many SMS a body takes: 160 GSM characters each (153 when split), 70/67 in UCS-2."""
    alone, split = (160, 153) if body.isascii() else (70, 67)
    return 1 if len(body) <= alone else -(-len(body) // split)


def error(status: int, code: int, message: str) -> web.Response:
    """Give an error in the provider's form."""
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status)


def _message(form: Mapping[str, str], account: Account) -> SentMessage:
    return SentMessage(
        sid=new_sid(),
        provider=NAME,
        account_id=account.account_id,
        sender=form["From"],
        recipient=form["To"],
        body=form["Body"],
        created_ms=now_ms(),
        facts={CALLBACK: form.get("StatusCallback", "")},
    )


def _receipt(message: SentMessage, account: Account) -> dict[str, str]:
    """Give the form of a status callback."""
    form = {
        "AccountSid": account.setting("account_sid"),
        "ApiVersion": API_VERSION,
        "From": message.sender,
        "MessageSid": message.sid,
        "MessageStatus": message.status,
        "SmsSid": message.sid,
        "SmsStatus": message.status,
        "To": message.recipient,
    }
    return form | ({"ErrorCode": str(message.error_code)} if message.error_code else {})


def _post(webhooks: tuple[str, ...], form: Mapping[str, str], account: Account) -> Post | None:
    """A signed form to addresses whose fragment says how it is repeated; None without any."""
    called_as = [overrides.parse(each) for each in webhooks]
    if not called_as:
        return None
    token = account.secret("auth_token")

    def write(url: str, repeat: int) -> tuple[bytes, Mapping[str, str]]:
        del repeat
        signature = sign(token=token, url=url, form=form)
        return urlencode(form).encode(), FORM | {HEADER: signature}

    first = called_as[0]
    patience = Patience(
        (REPEAT_S,) * first.retries, first.total_s, first.wants_retry, first.total_s
    )
    return Post(tuple(each.url for each in called_as), write, patience)


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


def _not_found(request: web.Request) -> web.Response:
    return error(404, 20404, f"The requested resource {request.path} was not found")


def _login(account: Account) -> str:
    login = f"{account.setting('account_sid')}:{account.secret('auth_token')}"
    return f"Basic {b64encode(login.encode()).decode()}"


def _matches(message: SentMessage, query: Mapping[str, str]) -> bool:
    if "From" in query and message.sender != query["From"]:
        return False
    sent = _day_of(message.sent_ms) if message.sent_ms else ""
    days = ((key, value[:10]) for key, value in query.items() if key in _DAY_TESTS)
    return all(_DAY_TESTS[key](sent, day) for key, day in days)


def _page_uri(request: web.Request, page: int, size: int) -> str:
    query = {**request.query, "Page": str(page), "PageSize": str(size)}
    return f"{request.path}?{urlencode(query)}"


def _day_of(unix_ms: int) -> str:
    """Give the UTC day, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(unix_ms / 1000, tz=UTC).strftime("%Y-%m-%d")


def _rfc2822(unix_ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(unix_ms // 1000, tz=UTC))
