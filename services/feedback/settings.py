"""The settings of the service: the shared ones, the survey's timing and how its links are made."""

from __future__ import annotations

from pydantic import Field, SecretStr

from services.chassis.settings import ServiceSettings
from services.feedback.core.link import Links
from services.feedback.core.policies import DAY_MS, Policy

KEY_LENGTH_MIN = 32


class FeedbackSettings(ServiceSettings):
    """`SWITCHBOARD_SURVEY_…`. Changed timing holds for surveys that are scheduled or sent later."""

    survey_link_key: SecretStr = Field(
        min_length=KEY_LENGTH_MIN, description="signs survey links; 32 characters or more"
    )
    survey_link_key_before: SecretStr | None = Field(
        None,
        min_length=KEY_LENGTH_MIN,
        description="the key before, until the links it signed have expired",
    )
    survey_public_url: str = Field(
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="where customers reach this service, https://host[/path]",
    )
    survey_delay_seconds: float = Field(
        2, ge=0, le=30 * 86_400, description="from a resolution to its question"
    )
    survey_cooldown_days: float = Field(
        30, ge=0, le=365, description="a customer is asked once in this time; 0 asks every time"
    )
    survey_answer_days: float = Field(7, gt=0, le=90, description="how long a link may be answered")

    def policy(self) -> Policy:
        """The policy these settings make."""
        keys = (self.survey_link_key, self.survey_link_key_before)
        return Policy(
            links=Links(
                keys=tuple(key.get_secret_value().encode() for key in keys if key is not None),
                base_url=self.survey_public_url.rstrip("/"),
            ),
            delay_ms=round(self.survey_delay_seconds * 1000),
            cooldown_ms=round(self.survey_cooldown_days * DAY_MS),
            answer_within_ms=round(self.survey_answer_days * DAY_MS),
        )
