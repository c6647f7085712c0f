"""The settings of the service: the shared ones, and nothing more so far."""

from __future__ import annotations

from services.chassis.settings import ServiceSettings


class SlaSettings(ServiceSettings):
    """Targets are no settings but policies: every clock names the version it runs under."""
