"""Files of Slack, for whoever has the app's token with the scope `files:read`.

https://docs.slack.dev/reference/objects/file-object

Without the scope Slack answers with its login page and 200. A file that another workspace shares is
known by its id only, and asked for. An external file lies with somebody else: it is not fetched,
and the token goes to Slack's hosts only.
"""

from __future__ import annotations

import re
from typing import Final

from services.intake.core.account import Account
from services.intake.core.model import Attachment
from services.intake.shell.channels.json_fields import Json, object_in, text_in
from services.intake.shell.channels.media import asked, bearer, named
from services.intake.shell.channels.protocol import MediaContext
from services.intake.shell.channels.slack_sender import API_URL, BOT_TOKEN
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable

HOSTS: Final = ("slack.com", ".slack.com")
PAGE: Final = "text/html"
_ID: Final = re.compile(r"[0-9A-Z]{1,64}")
_PATH: Final = re.compile(r"https?://[^/?#]+/files-pri/[^?#]+")


class SlackMedia:
    """The files of `slack` accounts."""

    def __init__(self, context: MediaContext) -> None:
        self._fetcher = context.fetcher
        self._api_url = context.api_urls.get("slack", API_URL)
        self._bytes_max = context.bytes_max

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        """Ask for the address where it is not known, then for the file."""
        login = bearer(account.key(BOT_TOKEN))
        url = attachment.reference
        if url.startswith("slack:"):
            file_id = named(url, "slack", _ID)
            path = f"/api/files.info?file={file_id}"
            url = _address(await asked(self._fetcher, self._api_url, path, login))
        if not _PATH.fullmatch(url):
            raise Forbidden("url_not_allowed")
        hosts = (*HOSTS, self._api_url)
        found = await self._fetcher.fetch(
            url, headers=login, bytes_max=self._bytes_max, hosts=hosts
        )
        if found.media_type == PAGE != attachment.media_type:
            raise Unfetchable("scope_missing")
        return found


def _address(told: Json) -> str:
    """Where a file is, by what `files.info` says."""
    if told.get("ok") is not True:
        error = told.get("error")
        gone = error in {"file_not_found", "file_deleted"}
        raise Forbidden("gone") if gone else Unfetchable("file_unknown")
    file = object_in(told, "file")
    return text_in(file, "url_private_download") or text_in(file, "url_private")
