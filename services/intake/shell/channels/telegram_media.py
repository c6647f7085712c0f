"""Files of Telegram: an id leads to a path that lives for an hour.

https://core.telegram.org/bots/api#getfile

The bot's token is a part of both addresses. Telegram gives bots no file above 20 MB.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from services.intake.core.account import Account
from services.intake.core.model import Attachment
from services.intake.shell.channels.json_fields import object_in, text_in
from services.intake.shell.channels.media import asked, named
from services.intake.shell.channels.protocol import MediaContext
from services.intake.shell.channels.telegram_sender import API_URL, BOT_TOKEN
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable

BYTES_MAX: Final = 20 * 1024 * 1024
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,256}")


class TelegramMedia:
    """The files of `telegram` accounts."""

    def __init__(self, context: MediaContext) -> None:
        self._fetcher = context.fetcher
        self._api_url = context.api_urls.get("telegram", API_URL)
        self._bytes_max = context.bytes_max

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        """Ask for the path, then for the file."""
        file_id = named(attachment.reference, "telegram", _ID)
        if attachment.size_bytes > min(BYTES_MAX, self._bytes_max):
            raise Forbidden("too_large")
        token = quote(account.key(BOT_TOKEN), safe=":")
        told = await asked(
            self._fetcher, self._api_url, f"/bot{token}/getFile?file_id={file_id}", {}
        )
        path = text_in(object_in(told, "result"), "file_path")
        if not path:
            raise Unfetchable("path_unknown")
        return await self._fetcher.fetch(
            f"{self._api_url}/file/bot{token}/{quote(path)}",
            headers={},
            bytes_max=self._bytes_max,
            hosts=(self._api_url,),
        )
