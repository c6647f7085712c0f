"""Settings: what is refused at boot, and the policies that follow."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.policies import ThreadingPolicy
from services.intake.settings import IntakeSettings, key_bytes

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
RIGHT: dict[str, Any] = {
    "kafka_bootstrap": "kafka:9092",
    "postgres_dsn": "postgresql://intake",
    "auth_issuer": "https://issuer.example",
    "auth_audience": "switchboard",
    "auth_jwks": "jwks.json",
    "public_url": "https://desk.example",
    "account_key": KEY,
}


def test_the_defaults_are_the_policies_own() -> None:
    settings = IntakeSettings(**RIGHT)
    assert settings.threading_policy == ThreadingPolicy()
    assert settings.delivery_policy == DeliveryPolicy()
    assert key_bytes(settings.account_key) == b"k" * 32


def test_padding_is_optional() -> None:
    settings = IntakeSettings(**RIGHT | {"account_key": KEY.rstrip("=")})
    assert key_bytes(settings.account_key) == b"k" * 32


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "desk.example"),
        ("public_url", "https://desk.example/"),
        ("public_url", "https://desk.example?x=1"),
        ("account_key", "short"),
        ("account_key", "ü" * 43),
        ("account_keys_old", ["short"]),
        ("provider_api_urls", {"twilio": "ftp://twilio"}),
        ("default_tier", "GOLD"),
        ("calls_per_account_max", 0),
        ("command_seconds", 60),
    ],
)
def test_mistakes_are_refused_without_showing_a_secret(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as raised:
        IntakeSettings(**RIGHT | {name: value})
    assert [error["loc"][0] for error in raised.value.errors()] == [name]
    assert "short" not in str(raised.value)
