"""Files of WhatsApp: an id leads to an address that lives for five minutes.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media

Both steps want the account's token. Meta keeps what customers send for 30 days. An address that
answers 404 may be followed by one that does not, so it is asked for anew each time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from services.intake.core.account import Account
from services.intake.core.model import Attachment
from services.intake.shell.channels.json_fields import number_in, text_in
from services.intake.shell.channels.media import asked, bearer, named
from services.intake.shell.channels.protocol import MediaContext
from services.intake.shell.channels.whatsapp_sender import ACCESS_TOKEN, API_URL, API_VERSION
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable

HOSTS: Final = (".fbsbx.com", ".fbcdn.net")
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")


class WhatsAppMedia:
    """The files of `whatsapp` accounts."""

    def __init__(self, context: MediaContext) -> None:
        self._fetcher = context.fetcher
        self._api_url = context.api_urls.get("whatsapp", API_URL)
        self._bytes_max = context.bytes_max

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        """Ask for the address, then for the file; for a file of this account's number only."""
        media_id = named(attachment.reference, "whatsapp", _ID)
        number = quote(account.settings.get("phone_number_id", ""), safe="")
        path = f"/{API_VERSION}/{media_id}?phone_number_id={number}"
        login = bearer(account.key(ACCESS_TOKEN))
        told = await asked(self._fetcher, self._api_url, path, login)
        if number_in(told, "file_size") > self._bytes_max:
            raise Forbidden("too_large")
        return await self._download(text_in(told, "url"), login)

    async def _download(self, url: str, login: Mapping[str, str]) -> Fetched:
        hosts = (*HOSTS, self._api_url)
        try:
            return await self._fetcher.fetch(
                url, headers=login, bytes_max=self._bytes_max, hosts=hosts
            )
        except Forbidden as gone:
            if gone.reason == "http_404":
                raise Unfetchable(gone.reason) from None
            raise
