"""Files of Messenger: the webhook names an address of Meta's CDN that needs no credentials.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messages

The address is signed and expires; after that it answers 403, and there is no other.
"""

from __future__ import annotations

from typing import Final

from services.intake.core.account import Account
from services.intake.core.model import Attachment
from services.intake.shell.channels.protocol import MediaContext
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched, Unfetchable

HOSTS: Final = (".fbsbx.com", ".fbcdn.net")


class MessengerMedia:
    """The files of `messenger` accounts."""

    def __init__(self, context: MediaContext) -> None:
        self._fetcher = context.fetcher
        self._bytes_max = context.bytes_max
        api_url = context.api_urls.get("messenger")
        self._hosts = (*HOSTS, api_url) if api_url else HOSTS

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        """One GET, as anybody could make it."""
        del account
        try:
            return await self._fetcher.fetch(
                attachment.reference, headers={}, bytes_max=self._bytes_max, hosts=self._hosts
            )
        except Unfetchable as error:
            if error.status == 403:
                raise Forbidden("expired") from None
            raise
