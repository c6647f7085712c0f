"""Sends over Mailgun's API, as a whole mail, and finds there what was sent.

https://documentation.mailgun.com/docs/mailgun/api-reference/openapi-final/tag/Messages/
https://documentation.mailgun.com/docs/mailgun/api-reference/openapi-final/tag/Events/

Mailgun takes no idempotency key, but leaves our Message-ID as it is, and its events can be asked by
it: a mail that has any event was taken. Events show within minutes, not at once.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from aiohttp import ClientError, ClientResponse, FormData

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt, ReportLookup, Sighting
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    answer_of,
    attempted,
    contact_of,
    ended,
    looked_up,
    retry_after_ms_of,
    told_by,
)
from services.intake.shell.channels.json_fields import objects_in, text_in
from services.intake.shell.channels.protocol import SendingContext
from services.intake.shell.mailroom.addressing import own_addresses
from services.intake.shell.mailroom.letters import Letter, LetterWriter, Unsendable, own_id
from services.intake.shell.mailroom.mime import mime_of

API_URLS: Final = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
API_KEY: Final = "api_key"
FILES_BYTES_MAX: Final = 17 * 1024 * 1024  # a mail has 25 MB at most, and Base64 is a third more


class MailgunSender:
    """The way out of `mailgun` accounts. Their settings name `domain` and `region`."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("mailgun", "")
        self._writer = LetterWriter(context, files_bytes_max=FILES_BYTES_MAX)

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST."""
        try:
            letter = await self._writer.written(dispatch, account)
        except Unsendable as unsendable:
            return unsendable.report
        mime = await asyncio.to_thread(mime_of, letter, time.time_ns() // 1_000_000)
        request = self._session.post(
            f"{self._domain_url(account)}/messages.mime",
            data=_form(letter, mime),
            headers=_login(account),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """Ask for events of our Message-ID; they are sure evidence."""
        del known_ids  # no other mail has our id
        sender = next(iter(own_addresses(account)), "")
        request = self._session.get(
            f"{self._domain_url(account)}/events",
            params={"message-id": own_id(dispatch.message_id, sender), "limit": "1"},
            headers=_login(account),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await _sighted(dispatch, request, own_id(dispatch.message_id, sender))

    def _domain_url(self, account: Account) -> str:
        region = account.settings.get("region", "").lower() or "us"
        url = self._api_url or API_URLS.get(region, API_URLS["us"])
        domain = account.settings.get("domain", "") or account.address.rpartition("@")[2]
        return f"{url}/v3/{domain}"


def _form(letter: Letter, mime: bytes) -> FormData:
    """Recipients stand beside the mail; variables come back with every event."""
    form = FormData()
    for recipient in (letter.recipient, *letter.copies):
        form.add_field("to", recipient)
    for name, value in letter.ids:
        form.add_field(f"v:{name}", value)
    for name in ("o:tracking", "o:tracking-opens", "o:tracking-clicks"):
        form.add_field(name, "no")
    form.add_field("message", mime, filename="message.mime", content_type="message/rfc822")
    return form


def _login(account: Account) -> Mapping[str, str]:
    login = base64.b64encode(f"api:{account.key(API_KEY)}".encode()).decode()
    return {"Authorization": f"Basic {login}"}


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    if response.status == 200:
        sent_id = text_in(await told_by(response), "id").strip("<> ")
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent_id)
    answer, wait_ms = answer_of(response.status), retry_after_ms_of(response)
    return ended(
        dispatch,
        answer,
        f"http_{response.status}",
        retry_after_ms=(wait_ms or 0) if answer is Answer.NOT_ACCEPTED else 0,
        contact=contact_of(response.status, wait_ms),
    )


async def _sighted(
    dispatch: Dispatch, request: AbstractAsyncContextManager[ClientResponse], sent_id: str
) -> ReportLookup:
    try:
        async with request as response:
            told: Mapping[str, object] = await told_by(response) if response.status == 200 else {}
    except (ClientError, TimeoutError, OSError):
        told = {}
    if not isinstance(told.get("items"), list):
        return looked_up(dispatch, Sighting.UNAVAILABLE)
    if objects_in(told, "items"):
        return looked_up(dispatch, Sighting.FOUND, sent_id)
    return looked_up(dispatch, Sighting.ABSENT)
