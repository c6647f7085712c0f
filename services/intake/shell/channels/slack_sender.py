"""Sends as a Slack app, into its direct messages, and finds there what was sent.

Slack takes no idempotency key, so a call whose outcome is unknown is never repeated. Our id goes
along as the message's metadata, which only apps can write, and is listed with it: a message that is
found is this one for sure, whatever its text.

A text has 40,000 characters at most; Slack would cut it. A file takes calls of its own, so files
are linked.
https://docs.slack.dev/reference/methods/chat.postMessage
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from aiohttp import ClientError, ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import (
    Answer,
    Contact,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
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
    unsent,
)
from services.intake.shell.channels.json_fields import Json, object_in, objects_in, text_in
from services.intake.shell.channels.outgoing import NO_FILE, TEXT_TOO_LONG, files_of, with_links
from services.intake.shell.channels.protocol import SendingContext

API_URL: Final = "https://slack.com"
BOT_TOKEN: Final = "bot_token"  # noqa: S105 - the name of a secret, not one
EVENT_TYPE: Final = "switchboard_message"
TEXT_MAX: Final = 40_000
LISTED_MAX: Final = 50
SKEW_MS: Final = 30_000
"""How far Slack's clock may be behind ours."""
_ERROR: Final = re.compile(r"[a-z_]{1,60}")
_UNSETTLED: Final[Mapping[str, Answer]] = {
    "ratelimited": Answer.NOT_ACCEPTED,
    "rate_limited": Answer.NOT_ACCEPTED,
    "internal_error": Answer.UNKNOWN,
    "fatal_error": Answer.UNKNOWN,
    "request_timeout": Answer.UNKNOWN,
    "service_unavailable": Answer.UNKNOWN,
}
"""Errors that are no refusal. With most of them some of it may have been done, says Slack."""
_CONTACTS: Final[Mapping[Answer, Contact]] = {
    Answer.NOT_ACCEPTED: Contact.THROTTLED,
    Answer.UNKNOWN: Contact.UNREACHABLE,
}
"""What these errors show of Slack; with any other it has answered."""


class SlackSender:
    """The way out of `slack` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("slack", API_URL)
        self._link = context.link

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST. A user's id in the place of a channel opens their direct messages."""
        files = files_of(dispatch, self._link)
        if files is None:
            return unsent(dispatch, NO_FILE)
        text = _escaped(with_links(dispatch.text, files))
        if len(text) > TEXT_MAX:
            return unsent(dispatch, TEXT_TOO_LONG)
        request = self._post("chat.postMessage", _body(dispatch, text), account)
        return await attempted(dispatch, request, _report)

    async def look_up(
        self, dispatch: Dispatch, account: Account, *, known_ids: frozenset[str]
    ) -> ReportLookup:
        """Look for our id in the direct messages since the attempt; it is sure evidence."""
        del known_ids  # no other message has our id
        opened = await _told(
            self._post("conversations.open", {"users": dispatch.recipient}, account)
        )
        channel = text_in(object_in(opened, "channel"), "id")
        if not channel:
            return looked_up(dispatch, Sighting.UNAVAILABLE)
        listed = await _told(self._history(channel, dispatch, account))
        return _sighted(listed, channel, dispatch)

    def _post(
        self, method: str, body: Mapping[str, Any], account: Account
    ) -> AbstractAsyncContextManager[ClientResponse]:
        return self._session.post(
            f"{self._api_url}/api/{method}",
            json=body,
            headers=_login(account),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )

    def _history(
        self, channel: str, dispatch: Dispatch, account: Account
    ) -> AbstractAsyncContextManager[ClientResponse]:
        query = {
            "channel": channel,
            "oldest": f"{(dispatch.attempted_at_ms - SKEW_MS) / 1000:.6f}",
            "include_all_metadata": "true",
            "limit": str(LISTED_MAX),
        }
        return self._session.get(
            f"{self._api_url}/api/conversations.history",
            params=query,
            headers=_login(account),
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )


def _body(dispatch: Dispatch, text: str) -> Mapping[str, Any]:
    return {
        "channel": dispatch.recipient,
        "text": text,
        "metadata": {
            "event_type": EVENT_TYPE,
            "event_payload": {"message_id": dispatch.message_id},
        },
        "mrkdwn": False,
        "unfurl_links": False,
    }


def _escaped(text: str) -> str:
    """The three characters that Slack would take for markup; `&` first, or it is escaped twice."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means. Slack refuses with a 200 too, and then says why."""
    told = await told_by(response)
    if response.status != 200:
        return _failed(dispatch, response)
    if told.get("ok") is True:
        sent_id = _id_of(text_in(told, "channel"), told)
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent_id)
    if told.get("ok") is not False:
        # These are not Slack's words.
        return ended(dispatch, Answer.UNKNOWN, "unreadable", contact=Contact.UNREACHABLE)
    error = text_in(told, "error")
    answer = _UNSETTLED.get(error, Answer.REFUSED)
    reason = error if _ERROR.fullmatch(error) else "refused"
    wait_ms, contact = _wait_ms(answer, response), _CONTACTS.get(answer, Contact.ANSWERED)
    return ended(dispatch, answer, reason, retry_after_ms=wait_ms, contact=contact)


def _failed(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    answer, reason = answer_of(response.status), f"http_{response.status}"
    wait_ms, contact = _wait_ms(answer, response), contact_of(response.status)
    return ended(dispatch, answer, reason, retry_after_ms=wait_ms, contact=contact)


def _wait_ms(answer: Answer, response: ClientResponse) -> int:
    """How long Slack wants us to wait, where it wants us back."""
    return (retry_after_ms_of(response) or 0) if answer is Answer.NOT_ACCEPTED else 0


async def _told(request: AbstractAsyncContextManager[ClientResponse]) -> Json:
    """What Slack tells; nothing where it cannot be reached, or does not tell."""
    try:
        async with request as response:
            told = await told_by(response) if response.status == 200 else {}
    except (ClientError, TimeoutError, OSError):
        return {}
    return told if told.get("ok") is True else {}


def _sighted(listed: Json, channel: str, dispatch: Dispatch) -> ReportLookup:
    """What a list shows. One that goes on does not show that something is absent."""
    for message in objects_in(listed, "messages"):
        payload = object_in(object_in(message, "metadata"), "event_payload")
        if text_in(payload, "message_id") == dispatch.message_id:
            return looked_up(dispatch, Sighting.FOUND, _id_of(channel, message))
    is_whole = isinstance(listed.get("messages"), list) and listed.get("has_more") is not True
    return looked_up(dispatch, Sighting.ABSENT if is_whole else Sighting.UNAVAILABLE)


def _id_of(channel: str, message: Json) -> str:
    """A message's time is unique within its conversation only; empty where one is not told."""
    ts = text_in(message, "ts")
    return f"{channel}/{ts}" if channel and ts else ""


def _login(account: Account) -> Mapping[str, str]:
    """By the account's current token."""
    return {"Authorization": f"Bearer {account.key(BOT_TOKEN)}"}
