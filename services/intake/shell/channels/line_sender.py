"""Sends over LINE's Messaging API, which executes a request once for its retry key.

https://developers.line.biz/en/docs/messaging-api/retrying-api-request/

The key follows from our id, so a call whose outcome is unknown may be repeated: what LINE has taken
already it answers with 409. It remembers a key for 24 hours; after that nothing is repeated. LINE
tells nothing of what becomes of a message: no receipt ever comes.

A call takes five message objects. A text has 5,000 UTF-16 units at most; an image is shown where it
is JPEG or PNG, at an address with HTTPS, and small enough to be its own preview.
https://developers.line.biz/en/reference/messaging-api/#image-message
https://developers.line.biz/en/docs/messaging-api/text-character-count/
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid5

from aiohttp import ClientResponse

from services.intake.core.account import Account
from services.intake.core.delivery.commands import Answer, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.shell.channels.calls import (
    CALL_TIMEOUT,
    ListsNothing,
    answer_of,
    attempted,
    contact_of,
    ended,
    retry_after_ms_of,
    told_by,
    unsent,
)
from services.intake.shell.channels.json_fields import objects_in, text_in
from services.intake.shell.channels.outgoing import (
    NO_FILE,
    TEXT_TOO_LONG,
    File,
    files_of,
    utf16_length,
    with_links,
)
from services.intake.shell.channels.protocol import SendingContext

API_URL: Final = "https://api.line.me"
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the name of a secret, not one
RETRY_KEY: Final = "X-Line-Retry-Key"
KEY_LIVES_MS: Final = 23 * 3_600_000
"""An hour less than LINE says: its clock is not ours, nor is that of whoever queued a message."""
TEXT_MAX: Final = 5000
OBJECTS_MAX: Final = 5
PREVIEW_BYTES_MAX: Final = 1_000_000
URL_MAX: Final = 2000
_IMAGES: Final = frozenset({"image/jpeg", "image/png"})
_NAMESPACE: Final = UUID("5a3c9f0e-7b41-5d8a-8f26-c41e0d9b7a13")


class LineSender(ListsNothing):
    """The way out of `line` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("line", API_URL)
        self._link = context.link

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST, under the key that all attempts for the message share.

        It is not made where LINE may have forgotten the key of an attempt that had its effect.
        """
        if dispatch.maybe_sent and not _knows_key(dispatch):
            return ended(dispatch, Answer.UNKNOWN, "retry_key_expired")
        files = files_of(dispatch, self._link)
        if files is None:
            return unsent(dispatch, NO_FILE)
        objects = _objects(dispatch.text, files)
        if any(utf16_length(each.get("text", "")) > TEXT_MAX for each in objects):
            return unsent(dispatch, TEXT_TOO_LONG)
        token = account.key(ACCESS_TOKEN)
        request = self._session.post(
            f"{self._api_url}/v2/bot/message/push",
            json={"to": dispatch.recipient, "messages": objects},
            headers={"Authorization": f"Bearer {token}", RETRY_KEY: retry_key(dispatch)},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        report = await attempted(dispatch, request, _report)
        if report.answer is Answer.UNKNOWN and _knows_key(dispatch):
            return replace(report, answer=Answer.REPEATABLE)
        return report


def retry_key(dispatch: Dispatch) -> str:
    """The UUID by which LINE knows all attempts for one message."""
    return str(uuid5(_NAMESPACE, dispatch.message_id))


def _knows_key(dispatch: Dispatch) -> bool:
    """Whether LINE still knows a key that was first used at any time since the queueing."""
    return time.time_ns() // 1_000_000 - dispatch.queued_at_ms < KEY_LIVES_MS


def _objects(text: str, files: Sequence[File]) -> list[Mapping[str, str]]:
    """The text with links to what LINE does not show, and the images that it does."""
    shown = [file for file in files if _is_shown(file)][: OBJECTS_MAX - 1]
    said = with_links(text, [file for file in files if file not in shown])
    images = [
        {"type": "image", "originalContentUrl": file.url, "previewImageUrl": file.url}
        for file in shown
    ]
    return [*([{"type": "text", "text": said}] if said or not images else []), *images]


def _is_shown(file: File) -> bool:
    reachable = file.url.startswith("https://") and len(file.url) <= URL_MAX
    return reachable and file.fits(_IMAGES, PREVIEW_BYTES_MAX)


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means. A limit was never processed; a 5xx may have been."""
    told, status = await told_by(response), response.status
    sent = "".join([text_in(message, "id") for message in objects_in(told, "sentMessages")][:1])
    if status == 200:
        request_id = response.headers.get("x-line-request-id", "")
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent or request_id)
    if status == 409:  # an earlier attempt was accepted under the same key
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=sent)
    reason, retry_after_ms = f"http_{status}", retry_after_ms_of(response)
    contact, wait_ms = contact_of(status, retry_after_ms), retry_after_ms or 0
    return ended(dispatch, answer_of(status), reason, retry_after_ms=wait_ms, contact=contact)
