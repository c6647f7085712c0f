"""Sends customers' messages in, through every door that the order has, and keeps their fates.

A message whose fate is unknown is sent again under the same id, as providers do.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

import aiohttp
import grpc
from switchboard.intake.v1 import intake_service_pb2 as intake
from switchboard.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from local.demo.fate import Fate, Sender
from local.demo.figures import Figures
from local.demo.handset_door import HandsetDoor
from local.demo.people import Door
from local.demo.places import Places
from local.demo.posts import FormDoor, Poster, SmsDoor
from local.demo.retrying import call
from local.demo.script import Utterance
from local.endpoints import API_ACCOUNT, account_of
from local.ledgerbook import now_ms
from local.verify.ledgers import ACCEPTED, REFUSED, UNKNOWN, Sent

REQUEST_TIMEOUT_S = 15.0
"""The provider's own patience with a webhook."""
CONNECTIONS_MAX = 200
PLAYED = (Door.WHATSAPP, Door.MESSENGER, Door.TELEGRAM, Door.LINE, Door.SLACK)
"""Doors whose provider the simulator plays on the customers' side too: it knows who has written."""


class Doors:
    """All ways in, with their ledger."""

    def __init__(self, places: Places, figures: Figures, run: str, doors: Sequence[Door]) -> None:
        """Prepare; `open` comes before the first message."""
        self._places = places
        self._figures = figures
        self._run = run
        self._doors = doors
        self._senders: dict[Door, Sender] = {}

    async def open(self) -> None:
        """Open connections."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._channel = self._places.channel("intake")
        self._senders = {door: sender for door, sender in self._ways() if door in self._doors}

    async def close(self) -> None:
        """Close connections."""
        await self._session.close()
        await self._channel.close()

    async def send(self, utterance: Utterance) -> None:
        """Send one message and keep what became of it."""
        sender = self._senders[utterance.person.door]
        began_ms = now_ms()
        self._figures.sent += 1
        fate = await sender.send(utterance)
        self._places.book.sent(
            Sent(
                door=utterance.person.door.value,
                account_id=sender.account_id,
                provider_message_id=fate.provider_message_id,
                fate=fate.fate,
                at_ms=began_ms,
                message_id=fate.message_id,
                run=self._run,
            )
        )
        setattr(self._figures, fate.fate, getattr(self._figures, fate.fate) + 1)

    def _ways(self) -> Iterator[tuple[Door, Sender]]:
        poster = Poster(self._session, self._places, self._figures)
        yield Door.TWILIO, SmsDoor(poster, self._places)
        yield Door.FORM, FormDoor(poster)
        yield Door.GRPC, GrpcDoor(self._channel, self._places)
        [simulator] = self._places.state.http("simulator")
        for door in PLAYED:
            account_id = account_of(door.value)
            yield door, HandsetDoor(self._session, simulator, door, account_id, self._figures)


class GrpcDoor:
    """Another program that speaks for its customers."""

    account_id = API_ACCOUNT

    def __init__(self, channel: grpc.aio.Channel, places: Places) -> None:
        """Call as a service."""
        self._stub = IntakeServiceStub(channel)
        self._metadata = places.metadata("demo-gateway", "service")

    async def send(self, utterance: Utterance) -> Fate:
        """Submit; the request id is the message's."""
        request = intake.SubmitMessageRequest(
            request_id=str(uuid.uuid4()),
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
            return Fate(REFUSED if client_s_fault else UNKNOWN, request.request_id)
        return Fate(ACCEPTED, request.request_id, answer.message_id)
