"""The accounts that a local stack has from its start: one of each provider, on both sides.

Intake has them as accounts of its tenant, the simulator as those of the provider's customer. Their
secrets follow from the data folder's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from local.credentials import Credentials

SMS_ACCOUNT, FORM_ACCOUNT, API_ACCOUNT = "demo-sms", "demo-form", "demo-api"
CHAT_ACCOUNT = "demo-chat"
SMS_NUMBER, WHATSAPP_NUMBER = "+15550100000", "+15550100001"
PAGE_ID, BOT_ID, BOT_USER = "105550100000001", "7555010001", "U0SWITCH1"
REPEATS = "#rc=5&rp=all"
"""Asks Twilio to repeat a webhook whatever has gone wrong with it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One account. `hook` is the path of its provider's webhook, empty where nobody posts one."""

    account_id: str
    channel: str
    provider: str
    name: str
    address: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    hook: str = ""


def endpoints(credentials: Credentials, intake_urls: Sequence[str] = ()) -> tuple[Endpoint, ...]:
    """Give all of them; the chat's example page is at intake's own addresses."""
    return (*simulated(credentials), *_UNSIMULATED, _chat(intake_urls))


def simulated(credentials: Credentials) -> tuple[Endpoint, ...]:
    """Give those whose provider the simulator plays."""
    return (
        _twilio(credentials),
        _whatsapp(credentials),
        _messenger(credentials),
        _telegram(credentials),
        _line(credentials),
        _slack(credentials),
    )


def account_of(provider: str) -> str:
    """Give the id of the provider's account."""
    return SMS_ACCOUNT if provider == "twilio" else f"demo-{provider}"


def at_providers(credentials: Credentials, intake_urls: Sequence[str]) -> list[dict[str, object]]:
    """Give the accounts as the simulator reads them; webhooks go to intake's addresses in turn."""
    return [
        {
            "account_id": each.account_id,
            "provider": each.provider,
            "address": each.address,
            "settings": dict(each.settings),
            "secrets": dict(each.secrets),
            "webhooks": [f"{url}{each.hook}" for url in intake_urls],
        }
        for each in simulated(credentials)
    ]


def _twilio(credentials: Credentials) -> Endpoint:
    return Endpoint(
        account_id=SMS_ACCOUNT,
        channel="sms",
        provider="twilio",
        name="Demo number",
        address=SMS_NUMBER,
        settings={"account_sid": credentials.twilio_account_sid},
        secrets={"auth_token": credentials.twilio_auth_token},
        hook=f"/webhooks/twilio/{SMS_ACCOUNT}{REPEATS}",
    )


def _whatsapp(credentials: Credentials) -> Endpoint:
    settings = {"phone_number_id": "106550100000001", "business_account_id": "102550100000001"}
    names = ("app_secret", "access_token", "verify_token")
    return _endpoint("whatsapp", "Demo WhatsApp", WHATSAPP_NUMBER, settings, names, credentials)


def _messenger(credentials: Credentials) -> Endpoint:
    settings = {"page_id": PAGE_ID, "app_id": "1555010000000001"}
    names = ("app_secret", "access_token", "verify_token")
    return _endpoint("messenger", "Demo page", PAGE_ID, settings, names, credentials)


def _telegram(credentials: Credentials) -> Endpoint:
    names = ("bot_token", "secret_token")
    made = _endpoint("telegram", "Demo bot", "@switchboard_demo_bot", {}, names, credentials)
    token = f"{BOT_ID}:{made.secrets['bot_token']}"  # begins with the bot's number
    return replace(made, secrets={**made.secrets, "bot_token": token})


def _line(credentials: Credentials) -> Endpoint:
    settings = {"bot_user_id": f"U{'05550100':0>32}"}
    names = ("channel_secret", "access_token")
    return _endpoint("line", "Demo official account", "@switchboard", settings, names, credentials)


def _slack(credentials: Credentials) -> Endpoint:
    settings = {"team_id": "T0SWITCH1", "app_id": "A0SWITCH1", "bot_id": "B0SWITCH1"}
    names = ("signing_secret", "bot_token")
    return _endpoint("slack", "Demo app", BOT_USER, settings, names, credentials)


def _chat(intake_urls: Sequence[str]) -> Endpoint:
    return Endpoint(
        account_id=CHAT_ACCOUNT,
        channel="chat",
        provider="web_chat",
        name="Demo shop",
        settings={"allowed_origins": " ".join(intake_urls), "example_page": "true"},
    )


def _endpoint(
    provider: str,
    name: str,
    address: str,
    settings: Mapping[str, str],
    secrets: Iterable[str],
    credentials: Credentials,
) -> Endpoint:
    account_id = account_of(provider)
    return Endpoint(
        account_id=account_id,
        channel=provider,
        provider=provider,
        name=name,
        address=address,
        settings=settings,
        secrets={each: _secret(account_id, each, credentials) for each in secrets},
        hook=f"/webhooks/{provider}/{account_id}",
    )


def _secret(account_id: str, name: str, credentials: Credentials) -> str:
    seed = credentials.provider_seed.encode()
    return hmac.new(seed, f"{account_id}/{name}".encode(), hashlib.sha256).hexdigest()


_UNSIMULATED = (
    Endpoint(FORM_ACCOUNT, "form", "web", "Demo form"),
    Endpoint(API_ACCOUNT, "api", "api", "Demo gateway"),
)
