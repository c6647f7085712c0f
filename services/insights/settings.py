"""The settings of the service, beside the shared ones."""

from __future__ import annotations

from pydantic import Field

from services.chassis.settings import ServiceSettings


class InsightsSettings(ServiceSettings):
    """How windows are counted, saved and kept."""

    flush_seconds: float = Field(
        1.0, ge=0.05, le=30, description="how long facts wait before their windows are saved"
    )
    service_level_ms: int = Field(
        20_000, ge=1, description="waiting time within which work counts as answered in time"
    )
    keep_days: int = Field(
        90, ge=40, le=3650, description="age at which windows are deleted; above topic retention"
    )
