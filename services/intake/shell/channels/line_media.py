"""Files of LINE, by the message's id; what an app has sent for the customer lies at the app's.

https://developers.line.biz/en/reference/messaging-api/#get-content
https://developers.line.biz/en/reference/messaging-api/#verify-video-or-audio-preparation-status

Sound and film are prepared first: what is fetched before is empty, or a part. LINE deletes content
after a time that it does not tell.
"""

from __future__ import annotations

import re
from typing import Final

from services.intake.core.account import Account
from services.intake.core.model import Attachment
from services.intake.shell.channels.json_fields import text_in
from services.intake.shell.channels.line_sender import ACCESS_TOKEN
from services.intake.shell.channels.media import asked, bearer, named
from services.intake.shell.channels.protocol import MediaContext
from services.intake.shell.destinations import ANYWHERE, Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable

DATA_URL: Final = "https://api-data.line.me"
PREPARING_MS: Final = 5000
_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}")


class LineMedia:
    """The files of `line` accounts."""

    def __init__(self, context: MediaContext) -> None:
        self._fetcher = context.fetcher
        self._data_url = context.api_urls.get("line", DATA_URL)
        self._bytes_max = context.bytes_max

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        """What the customer sent, or without credentials what an app has put anywhere."""
        if attachment.reference.startswith("https://"):
            return await self._fetcher.fetch(
                attachment.reference, headers={}, bytes_max=self._bytes_max, hosts=(ANYWHERE,)
            )
        content = f"/v2/bot/message/{named(attachment.reference, 'line', _ID)}/content"
        login = bearer(account.key(ACCESS_TOKEN))
        if attachment.media_type.startswith(("audio/", "video/")):
            told = await asked(self._fetcher, self._data_url, f"{content}/transcoding", login)
            _check_prepared(text_in(told, "status"))
        return await self._fetcher.fetch(
            f"{self._data_url}{content}",
            headers=login,
            bytes_max=self._bytes_max,
            hosts=(self._data_url,),
        )


def _check_prepared(status: str) -> None:
    if status == "failed":
        raise Forbidden("preparation_failed")
    if status != "succeeded":
        raise Unfetchable("in_preparation", retry_after_ms=PREPARING_MS)
