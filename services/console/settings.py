"""The settings of the service: where its upstreams are. It reads no topic and no table."""

from __future__ import annotations

from pydantic import Field, SecretStr

from services.chassis.settings import ServiceSettings


class ConsoleSettings(ServiceSettings):
    """Targets as gRPC names them: `dns:///intake:50051`, or `ipv4:` and addresses with commas."""

    intake_target: str = Field(min_length=1, description="gRPC target of intake")
    routing_target: str = Field(min_length=1, description="gRPC target of routing")
    sla_target: str = Field(min_length=1, description="gRPC target of sla")
    insights_target: str = Field(min_length=1, description="gRPC target of insights")
    kafka_bootstrap: str = Field(default="", description="not used")
    postgres_dsn: SecretStr = Field(default=SecretStr(""), description="not used")
