"""The providers, a file each, by the name that intake's channels give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local.simulator.provider import Desk, Provider
from local.simulator.providers import line, mail, messenger, slack, telegram, twilio, whatsapp

PROVIDERS: Mapping[str, Callable[[Desk], Provider]] = {
    twilio.NAME: twilio.Twilio,
    whatsapp.NAME: whatsapp.WhatsApp,
    messenger.NAME: messenger.Messenger,
    telegram.NAME: telegram.Telegram,
    line.NAME: line.Line,
    slack.NAME: slack.Slack,
    mail.NAME: mail.Mail,
}
