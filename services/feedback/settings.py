"""Feedback's settings: the shared ones, the survey's timing, and how its links are made."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from services.chassis.settings import ServiceSettings
from services.feedback.core.link import Links
from services.feedback.core.policies import DAY_MS, Policy

KEY_LENGTH_MIN = 32


class FeedbackSettings(ServiceSettings):
    """Changed timing holds for surveys that are scheduled, or sent, from then on."""

    public_url: str = Field(
        pattern=r"^https?://[^/?#]+(/[^?#]*[^/?#])?$",
        description="address that customers reach survey pages by, without a slash at the end",
    )
    survey_link_key: SecretStr = Field(
        description="signs survey links: 32 or more characters, made at random"
    )
    survey_link_keys_old: list[SecretStr] = Field(
        default=[],
        description="JSON list of earlier link keys, kept until what they signed has expired",
    )
    survey_delay_seconds: float = Field(
        2, ge=0, le=30 * 86_400, description="time from a resolution to its question"
    )
    survey_cooldown_days: float = Field(
        30, ge=0, le=365, description="a customer is asked once in this time; 0 asks every time"
    )
    survey_answer_days: float = Field(7, gt=0, le=90, description="how long a link may be answered")

    @field_validator("survey_link_key", "survey_link_keys_old")
    @classmethod
    def _is_long(cls, value: SecretStr | list[SecretStr]) -> SecretStr | list[SecretStr]:
        for key in value if isinstance(value, list) else [value]:
            if len(key.get_secret_value()) < KEY_LENGTH_MIN:
                raise ValueError(f"must have {KEY_LENGTH_MIN} characters or more")
        return value

    @property
    def policy(self) -> Policy:
        """Whom we ask, when, and by which links."""
        keys = [self.survey_link_key, *self.survey_link_keys_old]
        return Policy(
            links=Links(
                keys=tuple(key.get_secret_value().encode() for key in keys),
                base_url=self.public_url,
            ),
            delay_ms=round(self.survey_delay_seconds * 1000),
            cooldown_ms=round(self.survey_cooldown_days * DAY_MS),
            answer_within_ms=round(self.survey_answer_days * DAY_MS),
        )
