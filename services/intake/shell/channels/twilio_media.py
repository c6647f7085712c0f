"""Files of an MMS, and voice messages: in Twilio's API, for whoever has the account's token.

https://www.twilio.com/docs/messaging/api/media-resource and /docs/voice/api/recording

Twilio answers with a redirect to an address of its CDN that is signed for a few hours, or of the
store behind it where basic authentication is not enforced; the token does not go there.
"""

from __future__ import annotations

import re
from typing import Final

from services.intake.core.account import Account
from services.intake.core.model import Attachment
from services.intake.shell.channels.protocol import MediaContext
from services.intake.shell.channels.twilio_sender import login
from services.intake.shell.destinations import Forbidden
from services.intake.shell.fetching import Fetched

HOSTS: Final = ("api.twilio.com", ".twilio.com", ".twiliocdn.com", "s3-external-1.amazonaws.com")
_MEDIA: Final = re.compile(
    r"https://api(?:\.[a-z0-9-]+)*\.twilio\.com"
    r"(/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/[A-Z]{2}[0-9a-fA-F]{32}/Media/ME[0-9a-fA-F]{32})"
)


_RECORDING: Final = re.compile(
    r"https://api(?:\.[a-z0-9-]+)*\.twilio\.com"
    r"(/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Recordings/RE[0-9a-fA-F]{32}\.mp3)"
)


class TwilioMedia:
    """The files of `twilio` accounts."""

    provider = "twilio"
    reference = _MEDIA

    def __init__(self, context: MediaContext) -> None:
        self._fetcher = context.fetcher
        self._api_url = context.api_urls.get(self.provider)
        self._bytes_max = context.bytes_max

    async def fetch(self, attachment: Attachment, account: Account) -> Fetched:
        """One GET of a medium of this account, and of nothing else that its token opens."""
        found = self.reference.fullmatch(attachment.reference)
        if found is None or found[2] != account.settings.get("account_sid"):
            raise Forbidden("reference_unknown")
        url = attachment.reference if self._api_url is None else f"{self._api_url}{found[1]}"
        hosts = HOSTS if self._api_url is None else (*HOSTS, self._api_url)
        return await self._fetcher.fetch(
            url, headers=login(account), bytes_max=self._bytes_max, hosts=hosts
        )


class TwilioRecordings(TwilioMedia):
    """The voice messages of `twilio_voice` accounts."""

    provider = "twilio_voice"
    reference = _RECORDING
