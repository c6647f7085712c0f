"""Doors over HTTP that the demo knocks at itself: SMS webhooks with valid signatures, web forms."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections.abc import Mapping
from typing import Any

import aiohttp

from local.demo.fate import Fate
from local.demo.figures import Figures
from local.demo.places import Places
from local.demo.retrying import PATIENCE_S
from local.demo.script import Utterance
from local.endpoints import FORM_ACCOUNT, SMS_ACCOUNT, SMS_NUMBER
from local.ledgerbook import now_ms
from local.simulator.account import Account
from local.simulator.message import Written
from local.simulator.providers import twilio
from local.simulator.signature import HEADER, sign
from local.verify.ledgers import ACCEPTED, REFUSED, UNKNOWN

PAUSE_S = 0.5
SMS_PATH = "/webhooks/twilio/{account}"
FORM_PATH = "/forms/{account}"


class Poster:
    """Posts to the HTTP doors of any intake process until one answers."""

    def __init__(self, session: aiohttp.ClientSession, places: Places, figures: Figures) -> None:
        """Turn over the processes in a ring."""
        self._session = session
        self._figures = figures
        self._bases = itertools.cycle(places.state.http("intake"))

    async def post(self, path: str, provider_message_id: str, **request: Any) -> Fate:
        """Post until there is an answer other than "not now", or patience runs out."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            status, answer, after_s = await self._once(next(self._bases) + path, request)
            if 200 <= status < 300:
                return Fate(ACCEPTED, provider_message_id, str(answer.get("message_id", "")))
            if 400 <= status < 500 and status not in {408, 429}:
                self._figures.problem(f"{path.split('/')[1]} {status}")
                return Fate(REFUSED, provider_message_id)
            if time.monotonic() > end_s:
                return Fate(UNKNOWN, provider_message_id)
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
        self._token = places.credentials.twilio_auth_token
        settings = {"account_sid": places.credentials.twilio_account_sid}
        self._account = Account(SMS_ACCOUNT, twilio.NAME, SMS_NUMBER, settings)

    async def send(self, utterance: Utterance) -> Fate:
        """Post the form that the provider posts for an inbound SMS."""
        sid = twilio.new_sid()
        written = Written(
            twilio.NAME, SMS_ACCOUNT, utterance.person.address, sid, utterance.text, now_ms()
        )
        form = twilio.inbound_form(written, self._account)
        path = SMS_PATH.format(account=SMS_ACCOUNT)
        return await self._poster.post(path, sid, form=form, token=self._token)


class FormDoor:
    """The web form; the page makes the message's id."""

    account_id = FORM_ACCOUNT

    def __init__(self, poster: Poster) -> None:
        """Post like a browser."""
        self._poster = poster

    async def send(self, utterance: Utterance) -> Fate:
        """Post the form."""
        form = {
            "message_id": str(uuid.uuid4()),
            "email": utterance.person.address,
            "text": utterance.text,
            "language": utterance.person.language,
        }
        path = FORM_PATH.format(account=FORM_ACCOUNT)
        return await self._poster.post(path, form["message_id"], form=form)
