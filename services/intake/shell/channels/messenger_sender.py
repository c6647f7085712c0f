"""Sends over Messenger's Send API.

Meta takes no idempotency key and lists nothing that was sent, so a call whose outcome is unknown is
never repeated. Our id goes along as `metadata` and comes back with the message's echo: that is how
such a message is recognised.

A text has 2,000 characters at most. A message is either text or one file, so a file goes along only
without a text. After 24 hours only what a person of ours writes is taken, for 7 days, from accounts
that Meta has given the tag HUMAN_AGENT.
https://developers.facebook.com/docs/messenger-platform/reference/send-api
https://developers.facebook.com/docs/messenger-platform/send-messages/message-tags
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import ClientResponse

from services.intake.core.account import HUMAN_AGENT, Account
from services.intake.core.delivery.commands import Answer, Contact, ReportAttempt
from services.intake.core.delivery.model import Dispatch
from services.intake.core.delivery.windows import OUTSIDE_WINDOW, Window, window_of
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
from services.intake.shell.channels.json_fields import Json, number_in, object_in, text_in
from services.intake.shell.channels.outgoing import (
    NO_FILE,
    TEXT_TOO_LONG,
    File,
    files_of,
    with_links,
)
from services.intake.shell.channels.protocol import SendingContext

API_URL: Final = "https://graph.facebook.com"
API_VERSION: Final = "v23.0"
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the name of a secret, not one
TEXT_MAX: Final = 2000
FILE_BYTES_MAX: Final = 25_000_000
IMAGE_BYTES_MAX: Final = 8_000_000
"""https://developers.facebook.com/docs/messenger-platform/send-messages/saving-assets"""
_THROTTLED: Final = frozenset({4, 32, 613, 80006})
"""Codes of limits: of the app, the page, one kind of call, and the business."""
_NOT_ALLOWED: Final = 10
_OUTSIDE_WINDOW: Final = 2018278
_IN_WINDOW: Final = {"messaging_type": "RESPONSE"}
_TAGGED: Final = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


class MessengerSender(ListsNothing):
    """The way out of `messenger` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("messenger", API_URL)
        self._link = context.link

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST, or none where Meta would refuse it."""
        files, occasion = files_of(dispatch, self._link), _occasion(dispatch, account)
        if files is None:
            return unsent(dispatch, NO_FILE)
        if occasion is None:
            return unsent(dispatch, OUTSIDE_WINDOW)
        content = _content(dispatch.text, files)
        if len(content.get("text", "")) > TEXT_MAX:
            return unsent(dispatch, TEXT_TOO_LONG)
        token = account.key(ACCESS_TOKEN)
        request = self._session.post(
            f"{self._api_url}/{API_VERSION}/me/messages",  # the token says which page that is
            json={
                "recipient": {"id": dispatch.recipient},
                "message": {**content, "metadata": dispatch.message_id},
                **occasion,
            },
            headers={"Authorization": f"Bearer {token}"},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)


def _occasion(dispatch: Dispatch, account: Account) -> Mapping[str, str] | None:
    """By what right we write; None where by none."""
    window = window_of(dispatch, time.time_ns() // 1_000_000)
    if window in {Window.OPEN, Window.UNKNOWN}:
        return _IN_WINDOW
    may_tag = window is Window.HUMAN_AGENT and account.says(HUMAN_AGENT)
    return _TAGGED if may_tag else None


def _content(text: str, files: Sequence[File]) -> Mapping[str, Any]:
    """A file that stands alone, or text with links."""
    if text or len(files) != 1 or not _goes_along(files[0]):
        return {"text": with_links(text, files)}
    payload = {"url": files[0].url, "is_reusable": False}
    return {"attachment": {"type": _kind_of(files[0]), "payload": payload}}


def _goes_along(file: File) -> bool:
    most = IMAGE_BYTES_MAX if _kind_of(file) == "image" else FILE_BYTES_MAX
    return 0 < file.attachment.size_bytes <= most


def _kind_of(file: File) -> str:
    kind = file.kind.partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "file"


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means; some limits come as a 400."""
    told = await told_by(response)
    if response.status == 200:
        named = text_in(told, "message_id")
        return ended(dispatch, Answer.ACCEPTED, provider_message_id=named)
    error = object_in(told, "error")
    reason = _reason(error) or f"http_{response.status}"
    retry_after_ms = retry_after_ms_of(response)
    answer, contact = answer_of(response.status), contact_of(response.status, retry_after_ms)
    if number_in(error, "code") in _THROTTLED:
        answer, contact = Answer.NOT_ACCEPTED, Contact.THROTTLED
    wait_ms = retry_after_ms or 0
    return ended(dispatch, answer, reason, retry_after_ms=wait_ms, contact=contact)


def _reason(error: Json) -> str:
    """The code; of all that is not allowed, a closed window has a name of its own."""
    code, subcode = number_in(error, "code"), number_in(error, "error_subcode")
    closed = code == _NOT_ALLOWED and subcode == _OUTSIDE_WINDOW
    return OUTSIDE_WINDOW if closed else str(code or "")
