"""Routing's settings: the shared ones, and how long a command may take."""

from __future__ import annotations

from pydantic import Field

from services.chassis.settings import ServiceSettings


class RoutingSettings(ServiceSettings):
    """`SWITCHBOARD_<FIELD>`. Rules and times are policy instead: decisions name its version."""

    command_seconds: float = Field(
        5, gt=0, le=15, description="how long an API call waits for the outcome of its command"
    )
