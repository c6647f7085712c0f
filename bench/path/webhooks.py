"""Posts a provider's webhooks at a rate, whatever comes back: kept-alive connections, open loop."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode
from uuid import uuid4

from local.credentials import Credentials
from local.ports import LOOPBACK
from local.simulator.signature import HEADER, sign

OUR_NUMBER = "+15550100000"
IDLE_SECONDS_MAX = 3.0
"""So long a line is kept for the next request; the server hangs up after five."""
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One request, ready to be sent; `key` finds its offer."""

    key: str
    request: bytes


def signed(*, port: int, path: str, form: Mapping[str, str], token: str, key: str) -> Webhook:
    """A form as the provider posts it."""
    body = urlencode(form).encode()
    head = (
        f"POST {path} HTTP/1.1\r\n"
        f"Host: {LOOPBACK}:{port}\r\n"
        "User-Agent: TwilioProxy/1.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"{HEADER}: {sign(token=token, url=f'http://{LOOPBACK}:{port}{path}', form=form)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return Webhook(key, head.encode() + body)


def sms(
    *, port: int, path: str, sender: str, number: int, secrets: Credentials, key: str
) -> Webhook:
    """An SMS as Twilio posts it."""
    sid = f"SM{uuid4().hex}"
    form = {
        "ToCountry": "US",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": f"Where is my parcel? I have waited for {number} days.",
        "FromCountry": "US",
        "To": OUR_NUMBER,
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": secrets.twilio_account_sid,
        "From": sender,
        "ApiVersion": "2010-04-01",
    }
    return signed(port=port, path=path, form=form, token=secrets.twilio_auth_token, key=key)


class Line(asyncio.Protocol):
    """One connection: a request, its answer, and the next request."""

    def __init__(self) -> None:
        self.used_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits learns that nothing will come."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        """Find the end of the answer."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if end and len(body) >= int(length[1] if length else 0) and self._answer is not None:
            self._received = b""
            self.used_at = time.perf_counter()
            self._answer.set_result(int(head[9:12]))

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Provider:
    """The provider's side: as many connections as its open requests need."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Line] = []

    async def post(
        self, webhooks: Sequence[Webhook], rate: int, begun: dict[str, float]
    ) -> list[float]:
        """Post all, one every 1/`rate` seconds; notes when each began.

        Gives the milliseconds that each took until its 2xx. Raises for any other answer.
        """
        begin = time.perf_counter()
        posting = []
        for number, webhook in enumerate(webhooks):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            posting.append(asyncio.create_task(self._one(webhook, begun)))
        return await asyncio.gather(*posting)

    def close(self) -> None:
        """Hang up all lines."""
        while self._idle:
            self._idle.pop().close()

    async def _one(self, webhook: Webhook, begun: dict[str, float]) -> float:
        line = self._take() or await self._connect()
        started = begun[webhook.key] = time.perf_counter()
        status = await line.ask(webhook.request)
        if not 200 <= status < 300:
            raise RuntimeError(f"a webhook was answered with {status}")
        self._idle.append(line)
        return (time.perf_counter() - started) * 1000

    def _take(self) -> Line | None:
        """The line that was used last; one that has been idle for long may be dead."""
        if not self._idle:
            return None
        line = self._idle.pop()
        if time.perf_counter() - line.used_at < IDLE_SECONDS_MAX:
            return line
        line.close()
        self.close()
        return None

    async def _connect(self) -> Line:
        _, line = await asyncio.get_running_loop().create_connection(Line, LOOPBACK, self._port)
        return line
