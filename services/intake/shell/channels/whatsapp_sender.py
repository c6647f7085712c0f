"""Sends over WhatsApp's Cloud API.

Meta takes no idempotency key and lists nothing that was sent, so a call whose outcome is unknown is
never repeated. Our id goes along as `biz_opaque_callback_data` and comes back with every status:
that is how such a message is recognised.

Free text is taken for 24 hours since they wrote; after that it goes into a template that Meta has
approved, as its one parameter, or nowhere.
https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages
https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from aiohttp import ClientResponse

from services.intake.core.account import Account
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
from services.intake.shell.channels.json_fields import number_in, object_in, objects_in, text_in
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
TEMPLATE: Final = "template_name"
TEMPLATE_LANGUAGE: Final = "template_language"
TEXT_MAX: Final = 4096
CAPTION_MAX: Final = 1024
PARAMETER_MAX: Final = 1024  # of the body of a template as a whole; Meta counts the rest of it
_RE_ENGAGEMENT: Final = 131047
_THROTTLED: Final = frozenset({4, 80007, 130429, 131048})
"""Codes of limits of the app, the business, the number, and of spam."""
_PAIR_LIMIT: Final = 131056
"""Too much to one recipient; others may be written to."""
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_KINDS: Final[Mapping[str, tuple[frozenset[str], int]]] = {
    "image": (frozenset({"image/jpeg", "image/png"}), 5_000_000),
    "video": (frozenset({"video/mp4", "video/3gpp"}), 16_000_000),
    "document": (
        frozenset(
            {
                "application/msword",
                "application/pdf",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                f"{_OFFICE}presentationml.presentation",
                f"{_OFFICE}spreadsheetml.sheet",
                f"{_OFFICE}wordprocessingml.document",
                "text/plain",
            }
        ),
        100_000_000,
    ),
}
"""What goes along with a caption, and how large it may be.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
"""


class WhatsAppSender(ListsNothing):
    """The way out of `whatsapp` accounts."""

    def __init__(self, context: SendingContext) -> None:
        self._session = context.session
        self._api_url = context.api_urls.get("whatsapp", API_URL)
        self._link = context.link

    async def send(self, dispatch: Dispatch, account: Account) -> ReportAttempt:
        """One POST, or none where Meta would refuse it."""
        files = files_of(dispatch, self._link)
        if files is None:
            return unsent(dispatch, NO_FILE)
        content = _content(dispatch, account, files)
        if isinstance(content, str):
            return unsent(dispatch, content)
        number = quote(account.settings.get("phone_number_id", ""), safe="")
        token = account.key(ACCESS_TOKEN)
        request = self._session.post(
            f"{self._api_url}/{API_VERSION}/{number}/messages",
            json={**_addressed(dispatch), **content},
            headers={"Authorization": f"Bearer {token}"},
            timeout=CALL_TIMEOUT,
            allow_redirects=False,
        )
        return await attempted(dispatch, request, _report)


def reason_of(code: int) -> str:
    """An error of Meta's by its code; a closed window has a name of its own. Empty for 0."""
    return OUTSIDE_WINDOW if code == _RE_ENGAGEMENT else str(code or "")


def _addressed(dispatch: Dispatch) -> dict[str, Any]:
    is_number = dispatch.recipient.startswith("+")
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to" if is_number else "recipient": dispatch.recipient.removeprefix("+"),
        "biz_opaque_callback_data": dispatch.message_id,
    }


def _content(
    dispatch: Dispatch, account: Account, files: Sequence[File]
) -> Mapping[str, Any] | str:
    """What is said, as the window allows; the reason where nothing may be said, or not so much."""
    window = window_of(dispatch, time.time_ns() // 1_000_000)
    if window is Window.OPEN or (window is Window.UNKNOWN and not dispatch.template):
        return _free(dispatch.text, files)
    template = dispatch.template or account.settings.get(TEMPLATE, "")
    if not template:
        return OUTSIDE_WINDOW
    language = account.settings.get(TEMPLATE_LANGUAGE, "") or account.language
    return _template(template, language, with_links(dispatch.text, files))


def _free(text: str, files: Sequence[File]) -> Mapping[str, Any] | str:
    """Text, or the first file with the text below it; what does not go along is linked."""
    kind = _kind_of(files[0]) if files else None
    if kind is not None:
        caption = with_links(text, files[1:])
        if len(caption) <= CAPTION_MAX:
            return _media(kind, files[0], caption)
    body = with_links(text, files)
    if len(body) > TEXT_MAX:
        return TEXT_TOO_LONG
    return {"type": "text", "text": {"body": body, "preview_url": False}}


def _media(kind: str, file: File, caption: str) -> Mapping[str, Any]:
    media = {"link": file.url}
    if caption:
        media["caption"] = caption
    if kind == "document" and file.name:
        media["filename"] = file.name
    return {"type": kind, kind: media}


def _kind_of(file: File) -> str | None:
    fit = (kind for kind, (types, most) in _KINDS.items() if file.fits(types, most))
    return next(fit, None)


def _template(name: str, language: str, text: str) -> Mapping[str, Any] | str:
    """The text on one line: Meta takes no line ends, tabs or runs of spaces in a parameter."""
    parameter = " ".join(text.split())
    if len(parameter) > PARAMETER_MAX:
        return TEXT_TOO_LONG
    body = {"type": "body", "parameters": [{"type": "text", "text": parameter}]}
    template = {"name": name, "language": {"code": language}, "components": [body]}
    return {"type": "template", "template": template}


async def _report(dispatch: Dispatch, response: ClientResponse) -> ReportAttempt:
    """What an answer means; some limits come as a 400."""
    told = await told_by(response)
    if response.status == 200:
        ids = [text_in(message, "id") for message in objects_in(told, "messages")]
        return ended(dispatch, Answer.ACCEPTED, provider_message_id="".join(ids[:1]))
    code = number_in(object_in(told, "error"), "code")
    reason = reason_of(code) or f"http_{response.status}"
    retry_after_ms = retry_after_ms_of(response)
    answer, contact = answer_of(response.status), contact_of(response.status, retry_after_ms)
    if code in _THROTTLED:
        answer, contact = Answer.NOT_ACCEPTED, Contact.THROTTLED
    elif code == _PAIR_LIMIT:
        answer, contact = Answer.NOT_ACCEPTED, Contact.ANSWERED
    wait_ms = retry_after_ms or 0
    return ended(dispatch, answer, reason, retry_after_ms=wait_ms, contact=contact)
