"""Intake's settings: the shared ones, and those of its doors and of its way out."""

from __future__ import annotations

import base64
import binascii
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from services.chassis.settings import ServiceSettings
from services.intake.core.delivery.policies import DeliveryPolicy
from services.intake.core.model import Channel, Tier
from services.intake.core.policies import ThreadingPolicy

IN_POSTGRES = "postgres"
KEY_BYTES = 32
ATTACHMENT_BYTES_MAX = 25 * 1024 * 1024
ApiUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/?#]+$")]
Network = IPv4Network | IPv6Network
MAIL_BYTES_MAX = 40 * 1024 * 1024  # what `shell/mail` reads
_PRIVATE: list[Network] = [
    ip_network(each)
    for each in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7")
]
_THREADING = ThreadingPolicy()
_DELIVERY = DeliveryPolicy()


class IntakeSettings(ServiceSettings):
    """`SWITCHBOARD_<FIELD>`; see the README for what each is for."""

    public_url: str = Field(
        pattern=r"^https?://[^/?#]+(/[^?#]*[^/?#])?$",
        description="address that providers reach our webhooks by, without a slash at the end",
    )
    account_key: SecretStr = Field(
        description="32 random bytes as base64url: seals the accounts' secrets at rest"
    )
    account_keys_old: list[SecretStr] = Field(
        default=[], description="JSON list of earlier account keys, which still open what they seal"
    )
    provider_api_urls: dict[str, ApiUrl] = Field(
        default={},
        description="JSON object: by provider, the base address of an API that is not at its own",
    )
    requests_open_max: int = Field(
        200, ge=10, le=10_000, description="requests under way at the doors of a process"
    )
    reopen_window_ms: int = Field(
        _THREADING.reopen_window_ms,
        ge=0,
        description="how long a resolved conversation takes its customer back, in ms",
    )
    reopen_windows_ms: dict[Channel, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="JSON object: by channel, where that differs from the window"
    )
    same_matter_window_ms: int = Field(
        _THREADING.same_matter_window_ms,
        ge=0,
        description="how long a person who changes the channel goes on with the same matter, in ms",
    )
    link_confidence_min: float = Field(
        _THREADING.link_confidence_min,
        ge=0,
        le=1,
        description="how sure a rule must be that two addresses are one person's, to link them",
    )
    default_tier: Tier = Field(
        _THREADING.default_tier, description="service tier of a customer nobody has stated"
    )
    default_language: str = Field(
        _THREADING.default_language, min_length=2, max_length=35, description="BCP 47 language"
    )
    calls_per_account_max: int = Field(
        _DELIVERY.calls_per_account_max,
        ge=1,
        le=100,
        description="provider calls under way for one account, in each shard",
    )
    lookup_first_ms: int = Field(
        _DELIVERY.lookup_first_ms,
        ge=1,
        description="first wait before a provider is asked for a message in doubt; it triples",
    )
    blob_store: str = Field(
        IN_POSTGRES,
        pattern=r"^(postgres|s3://[^/?#]+(/[^?#]*)?)$",
        description="where attachments are kept: `postgres`, or `s3://<bucket>/<prefix>`",
    )
    s3_endpoint: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+)?$",
        description="base address of a service that speaks S3; empty means AWS",
    )
    s3_region: str = Field("us-east-1", min_length=1, description="region of the bucket")
    s3_key_id: SecretStr = Field(
        SecretStr(""), description="access key id; without one the workload's role is taken"
    )
    s3_secret: SecretStr = Field(SecretStr(""), description="secret of the access key")
    attachment_bytes_max: int = Field(
        ATTACHMENT_BYTES_MAX,
        ge=1024,
        le=100 * 1024 * 1024,
        description="largest file that is taken, in bytes; each is held in memory for a moment",
    )
    chat_connections_max: int = Field(
        2000,
        ge=1,
        le=100_000,
        description="web chat connections of this process; each holds an open file",
    )
    smtp_port: int = Field(
        0, ge=0, le=65535, description="port that a mail relay hands mail over at; 0 means none"
    )
    smtp_networks: list[Network] = Field(
        default=_PRIVATE,
        description="JSON list of the networks that mail relays may connect from",
    )
    smtp_connections_max: int = Field(
        20, ge=1, le=1000, description="connections of mail relays at a time"
    )
    smtp_mail_bytes_max: int = Field(
        36 * 1024 * 1024,
        ge=64 * 1024,
        le=MAIL_BYTES_MAX,
        description="largest mail that is taken over SMTP, in bytes",
    )
    smtp_certificate: str = Field(
        "", description="file with the certificate for STARTTLS, in PEM; empty means no STARTTLS"
    )
    smtp_certificate_key: str = Field(
        "", description="file with the certificate's key, in PEM; empty means the same file"
    )
    imap_poll_seconds: float = Field(
        30,
        ge=0,
        le=3600,
        description="how often mailboxes are looked into over IMAP; 0 means never",
    )
    mail_server_networks: list[Network] = Field(
        default=[],
        description="JSON list of networks, not public ones, that accounts' mail servers may be in",
    )
    command_seconds: float = Field(
        5, gt=0, le=15, description="how long an API call waits for the outcome of its command"
    )

    @field_validator("account_key", "account_keys_old")
    @classmethod
    def _is_key(cls, value: SecretStr | list[SecretStr]) -> SecretStr | list[SecretStr]:
        for key in value if isinstance(value, list) else [value]:
            key_bytes(key)
        return value

    @model_validator(mode="after")
    def _is_whole_key(self) -> Self:
        if bool(self.s3_key_id.get_secret_value()) != bool(self.s3_secret.get_secret_value()):
            raise ValueError("s3_key_id and s3_secret come together, or not at all")
        return self

    @property
    def threading_policy(self) -> ThreadingPolicy:
        """How conversations are threaded."""
        return ThreadingPolicy(
            reopen_window_ms=self.reopen_window_ms,
            reopen_windows_ms=self.reopen_windows_ms,
            same_matter_window_ms=self.same_matter_window_ms,
            link_confidence_min=self.link_confidence_min,
            default_tier=self.default_tier,
            default_language=self.default_language,
        )

    @property
    def delivery_policy(self) -> DeliveryPolicy:
        """How messages are delivered."""
        return DeliveryPolicy(
            calls_per_account_max=self.calls_per_account_max,
            lookup_first_ms=self.lookup_first_ms,
        )


def key_bytes(key: SecretStr) -> bytes:
    """The key itself. Raises `ValueError` where it is not 32 bytes of base64url."""
    text = key.get_secret_value()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64url") from None
    if len(raw) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes, is {len(raw)}")
    return raw
