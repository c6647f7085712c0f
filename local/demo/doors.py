"""Sends customers' messages in: SMS webhooks with valid signatures, web forms, gRPC.

A message whose fate is unknown is sent again under the same id, as providers do.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import grpc
from switchboard.intake.v1 import intake_service_pb2 as intake
from switchboard.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from local.demo.figures import Figures
from local.demo.people import Door
from local.demo.places import API_ACCOUNT, FORM_ACCOUNT, SMS_ACCOUNT, SMS_NUMBER, Places
from local.demo.retrying import PATIENCE_S, call
from local.demo.script import Utterance
from local.ledgerbook import now_ms
from local.simulator.signature import HEADER, sign
from local.verify.ledgers import ACCEPTED, REFUSED, UNKNOWN, Sent

REQUEST_TIMEOUT_S = 15.0
"""The provider's own patience with a webhook."""
PAUSE_S = 0.5
CONNECTIONS_MAX = 200
SMS_PATH = "/webhooks/twilio/{account}"
FORM_PATH = "/forms/{account}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one message."""

    fate: str
    message_id: str = ""


class Sender(Protocol):
    """One way in."""

    account_id: str

    async def send(self, utterance: Utterance, message_id: str) -> Fate:
        """Send until it is answered or patience runs out."""


class Doors:
    """All ways in, with their ledger."""

    def __init__(self, places: Places, figures: Figures, run: str) -> None:
        """Prepare; `open` comes before the first message."""
        self._places = places
        self._figures = figures
        self._run = run
        self._senders: dict[Door, Sender] = {}

    async def open(self) -> None:
        """Open connections."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._channel = self._places.channel("intake")
        poster = Poster(self._session, self._places, self._figures)
        self._senders = {
            Door.TWILIO: SmsDoor(poster, self._places),
            Door.FORM: FormDoor(poster),
            Door.GRPC: GrpcDoor(self._channel, self._places),
        }

    async def close(self) -> None:
        """Close connections."""
        await self._session.close()
        await self._channel.close()

    async def send(self, utterance: Utterance) -> None:
        """Send one message and keep what became of it."""
        sender = self._senders[utterance.person.door]
        provider_id = new_provider_id(utterance.person.door)
        began_ms = now_ms()
        self._figures.sent += 1
        fate = await sender.send(utterance, provider_id)
        self._places.book.sent(
            Sent(
                door=utterance.person.door.value,
                account_id=sender.account_id,
                provider_message_id=provider_id,
                fate=fate.fate,
                at_ms=began_ms,
                message_id=fate.message_id,
                run=self._run,
            )
        )
        setattr(self._figures, fate.fate, getattr(self._figures, fate.fate) + 1)


class Poster:
    """Posts to the HTTP doors of any intake process until one answers."""

    def __init__(self, session: aiohttp.ClientSession, places: Places, figures: Figures) -> None:
        """Turn over the processes in a ring."""
        self._session = session
        self._figures = figures
        self._bases = itertools.cycle(places.state.http("intake"))

    async def post(self, path: str, **request: Any) -> Fate:
        """Post until there is an answer other than "not now", or patience runs out."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            status, answer, after_s = await self._once(next(self._bases) + path, request)
            if 200 <= status < 300:
                return Fate(ACCEPTED, str(answer.get("message_id", "")))
            if 400 <= status < 500 and status not in {408, 429}:
                self._figures.problem(f"{path.split('/')[1]} {status}")
                return Fate(REFUSED)
            if time.monotonic() > end_s:
                return Fate(UNKNOWN)
            self._figures.retried += 1
            await asyncio.sleep(after_s)

    async def _once(
        self, url: str, request: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any], float]:
        """Post once: status (0 for no answer), JSON answer, seconds to wait before the next."""
        form = request["form"]
        headers = dict(request.get("headers", {}))
        if "token" in request:
            headers[HEADER] = sign(token=request["token"], url=url, form=form)
        try:
            async with self._session.post(url, data=form, headers=headers) as answer:
                body = await answer.read()
                json = answer.content_type == "application/json" and body
                found = await answer.json() if json else {}
                after_s = float(answer.headers.get("Retry-After", PAUSE_S))
                return answer.status, found if isinstance(found, dict) else {}, after_s
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0, {}, PAUSE_S


class SmsDoor:
    """The SMS provider's webhook."""

    account_id = SMS_ACCOUNT

    def __init__(self, poster: Poster, places: Places) -> None:
        """Sign with the account's token."""
        self._poster = poster
        self._sid = places.credentials.twilio_account_sid
        self._token = places.credentials.twilio_auth_token

    async def send(self, utterance: Utterance, message_id: str) -> Fate:
        """Post the form that the provider posts for an inbound SMS."""
        form = {
            "ToCountry": "US",
            "SmsMessageSid": message_id,
            "NumMedia": "0",
            "SmsSid": message_id,
            "SmsStatus": "received",
            "Body": utterance.text,
            "FromCountry": "US",
            "To": SMS_NUMBER,
            "NumSegments": "1",
            "MessageSid": message_id,
            "AccountSid": self._sid,
            "From": utterance.person.address,
            "ApiVersion": "2010-04-01",
        }
        path = SMS_PATH.format(account=SMS_ACCOUNT)
        return await self._poster.post(path, form=form, token=self._token)


class FormDoor:
    """The web form; the page makes the message's id."""

    account_id = FORM_ACCOUNT

    def __init__(self, poster: Poster) -> None:
        """Post like a browser."""
        self._poster = poster

    async def send(self, utterance: Utterance, message_id: str) -> Fate:
        """Post the form."""
        form = {
            "message_id": message_id,
            "email": utterance.person.address,
            "text": utterance.text,
            "language": utterance.person.language,
        }
        return await self._poster.post(FORM_PATH.format(account=FORM_ACCOUNT), form=form)


class GrpcDoor:
    """Another program that speaks for its customers."""

    account_id = API_ACCOUNT

    def __init__(self, channel: grpc.aio.Channel, places: Places) -> None:
        """Call as a service."""
        self._stub = IntakeServiceStub(channel)
        self._metadata = places.metadata("demo-gateway", "service")

    async def send(self, utterance: Utterance, message_id: str) -> Fate:
        """Submit; the request id is the message's."""
        request = intake.SubmitMessageRequest(
            request_id=message_id,
            message=intake.SubmittedMessage(
                account_id=API_ACCOUNT,
                from_address=utterance.person.address,
                text=utterance.text,
                language=utterance.person.language,
                attributes={"tier": utterance.person.tier},
            ),
        )
        try:
            answer = await call(self._stub.SubmitMessage, request, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            client_s_fault = error.code() in {
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.PERMISSION_DENIED,
                grpc.StatusCode.UNAUTHENTICATED,
            }
            return Fate(REFUSED if client_s_fault else UNKNOWN)
        return Fate(ACCEPTED, answer.message_id)


def new_provider_id(door: Door) -> str:
    """Make an id as the door's provider makes it."""
    return f"SM{uuid.uuid4().hex}" if door is Door.TWILIO else str(uuid.uuid4())
