"""Settings come from variables and files, and all mistakes are shown at once without a value."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr

from services.chassis.settings import EXIT_BAD_SETTINGS, ServiceSettings, load

SECRET = "hunter2-in-a-dsn"
GOOD = {
    "KAFKA_BOOTSTRAP": "localhost:9092",
    "POSTGRES_DSN": f"postgresql://svc:{SECRET}@localhost/switchboard",
    "AUTH_ISSUER": "https://issuer.example",
    "AUTH_AUDIENCE": "switchboard",
    "AUTH_JWKS": "jwks.json",
}


class Provider(BaseModel):
    """A nested setting."""

    base_url: str
    token: SecretStr
    retries: int = 3


class ExampleSettings(ServiceSettings):
    """What a service might add."""

    provider: Provider
    languages: tuple[str, ...] = Field(("en",), description="BCP 47 tags as a JSON list")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("SWITCHBOARD_")]:
        monkeypatch.delenv(name)
    for name, value in GOOD.items():
        monkeypatch.setenv(f"SWITCHBOARD_{name}", value)
    return monkeypatch


def test_defaults_are_safe(environment: pytest.MonkeyPatch) -> None:
    del environment
    settings = load(ServiceSettings)
    assert (settings.partitions, settings.dev, settings.log_error_text) == (32, False, False)
    assert settings.bind_host == "127.0.0.1"
    assert settings.shutdown_seconds == 20
    assert SECRET not in repr(settings)


def test_nested_fields_and_lists(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SWITCHBOARD_PROVIDER__BASE_URL", "https://sms.example")
    environment.setenv("SWITCHBOARD_PROVIDER__TOKEN", SECRET)
    environment.setenv("SWITCHBOARD_LANGUAGES", '["de", "fr"]')
    settings = load(ExampleSettings)
    assert settings.provider.token.get_secret_value() == SECRET
    assert settings.languages == ("de", "fr")


def test_secrets_come_from_files_and_the_environment_wins(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("POSTGRES_DSN", "AUTH_ISSUER"):
        environment.delenv(f"SWITCHBOARD_{name}")
    (tmp_path / "SWITCHBOARD_POSTGRES_DSN").write_text("postgresql://from-file\n")
    (tmp_path / "switchboard_auth_issuer").write_text("issuer-in-file")
    (tmp_path / "SWITCHBOARD_AUTH_AUDIENCE").write_text("audience-in-file")
    (tmp_path / "SWITCHBOARD_PROVIDER__TOKEN").write_text(SECRET)
    environment.setenv("SWITCHBOARD_PROVIDER__BASE_URL", "https://sms.example")
    environment.setenv("SWITCHBOARD_SECRETS_DIR", str(tmp_path))
    settings = load(ExampleSettings)
    assert settings.postgres_dsn.get_secret_value() == "postgresql://from-file"
    assert (settings.auth_issuer, settings.auth_audience) == ("issuer-in-file", "switchboard")
    assert settings.provider.token.get_secret_value() == SECRET


def test_every_mistake_is_one_line_and_no_value_is_shown(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("SWITCHBOARD_KAFKA_BOOTSTRAP")
    environment.setenv("SWITCHBOARD_GRPC_PORT", SECRET)
    environment.setenv("SWITCHBOARD_HTTP_PORT", "70000")
    environment.setenv("SWITCHBOARD_SHUTDOWN_SECONDS", "21")
    environment.setenv("SWITCHBOARD_LANGUAGES", f'["{SECRET}"')
    environment.setenv("SWITCHBOARD_PROVIDER__RETRIES", "many")
    with pytest.raises(SystemExit) as stopped:
        load(ExampleSettings)
    assert stopped.value.code == EXIT_BAD_SETTINGS == 78
    shown = capsys.readouterr().err
    names = [line.split(":")[0] for line in shown.splitlines()[1:]]
    assert sorted(names) == [
        "SWITCHBOARD_GRPC_PORT",
        "SWITCHBOARD_HTTP_PORT",
        "SWITCHBOARD_KAFKA_BOOTSTRAP",
        "SWITCHBOARD_LANGUAGES",
        "SWITCHBOARD_PROVIDER__BASE_URL",
        "SWITCHBOARD_PROVIDER__RETRIES",
        "SWITCHBOARD_PROVIDER__TOKEN",
        "SWITCHBOARD_SHUTDOWN_SECONDS",
    ]
    assert "Kafka brokers, host:port" in shown
    assert SECRET not in shown


def test_a_secrets_folder_that_is_not_there_is_said(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    environment.setenv("SWITCHBOARD_SECRETS_DIR", str(tmp_path / "absent"))
    with pytest.raises(SystemExit):
        load(ServiceSettings)
    assert "SWITCHBOARD_SECRETS_DIR" in capsys.readouterr().err


def test_a_process_exits_78() -> None:
    code = "from services.chassis.settings import *; load(ServiceSettings)"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 78
    assert len(ended.stderr.splitlines()) == 1 + len(GOOD), json.dumps(ended.stderr)
