"""Settings from the environment and from secret files; every mistake is reported at once, at boot.

Each field is read from `SWITCHBOARD_<FIELD>` (nested models with `__`), or from a file of that name
in the folder named by `SWITCHBOARD_SECRETS_DIR`. The environment wins.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

PREFIX: Final = "SWITCHBOARD_"
SECRETS_DIR: Final = PREFIX + "SECRETS_DIR"
EXIT_BAD_SETTINGS: Final = 78  # EX_CONFIG of sysexits.h


class ServiceSettings(BaseSettings):
    """What every service needs. A service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        secrets_dir_missing="error",
    )

    kafka_bootstrap: str = Field(min_length=1, description="Kafka brokers, host:port[,host:port]")
    postgres_dsn: SecretStr = Field(description="postgresql://role:password@host:port/database")
    postgres_pool_max: int = Field(
        default=4, ge=1, le=100, description="most connections of this process"
    )
    partitions: int = Field(default=32, ge=1, le=1024, description="partitions of every topic")
    replicas: int = Field(default=3, ge=1, le=9, description="copies of each topic partition")
    bind_host: str = Field(default="127.0.0.1", description="address both servers listen on")
    grpc_port: int = Field(default=0, ge=0, le=65535, description="gRPC port; 0 takes a free one")
    http_port: int = Field(default=0, ge=0, le=65535, description="HTTP port; 0 takes a free one")
    max_message_bytes: int = Field(default=1 << 20, ge=1024, description="largest request accepted")
    auth_issuer: str = Field(min_length=1, description="`iss` that tokens must carry")
    auth_audience: str = Field(min_length=1, description="`aud` that tokens must carry")
    auth_jwks: str = Field(min_length=1, description="JSON Web Key Set: file path or https URL")
    otlp_endpoint: str | None = Field(
        default=None, description="OTLP/gRPC collector, http://host:port"
    )
    trace_file: Path | None = Field(
        default=None, description="spans are appended here as JSON lines"
    )
    trace_ratio: float = Field(
        default=0.01, ge=0, le=1, description="share of new traces that is recorded"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_error_text: bool = Field(
        default=False, description="log exception texts, which may hold bodies"
    )
    dev: bool = Field(default=False, description="development only: serves gRPC reflection")
    shutdown_seconds: float = Field(default=20, gt=0, le=20, description="time a drain may take")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced by _PlainDecoding
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env files in production
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: arguments, environment, secret files."""
        return init_settings, _PlainDecoding(settings_cls), _SecretFiles(file_secret_settings)


class _PlainDecoding(EnvSettingsSource):
    """Hands malformed JSON on as text, so that pydantic reports it with all other mistakes."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _SecretFiles(_PlainDecoding, NestedSecretsSettingsSource):
    pass


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load(cls: type[SettingsT]) -> SettingsT:
    """Read `cls` from the environment, or print every mistake to stderr and exit 78."""
    try:
        return cls(_secrets_dir=os.environ.get(SECRETS_DIR))  # type: ignore[call-arg] # from env
    except SettingsError as error:
        mistakes = [f"{SECRETS_DIR}: {error}; name an existing folder, or unset it"]
    except ValidationError as error:
        mistakes = [_mistake(cls, item["loc"], item["msg"]) for item in error.errors()]
    print(f"{cls.__name__}: {len(mistakes)} wrong settings", *mistakes, sep="\n", file=sys.stderr)
    raise SystemExit(EXIT_BAD_SETTINGS)


def _mistake(cls: type[ServiceSettings], loc: tuple[int | str, ...], message: str) -> str:
    """One line: the variable, what is wrong with it, what it should hold. Never its value."""
    name = PREFIX + "__".join(str(part) for part in loc).upper()
    field = cls.model_fields.get(str(loc[0])) if loc else None
    hint = field.description if field and field.description else "see the service's README.md"
    return f"{name}: {message[:1].lower() + message[1:]}; set the variable or file: {hint}"
