"""The environment each process is started with: its settings, and nothing it needn't know."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local import endpoints
from local.credentials import Credentials
from local.home import ROOT, Home
from local.issuer import AUDIENCE, ISSUER
from local.ports import LOOPBACK

DATABASE = "switchboard"
TRACE_RATIO = "0.05"


@dataclass(frozen=True, slots=True)
class World:
    """What all processes of one stack share."""

    home: Home
    credentials: Credentials
    kafka_bootstrap: str
    partitions: int
    postgres_port: int
    ports: Mapping[str, int]
    """By listener, for example `intake-1-http`."""

    def url(self, listener: str) -> str:
        """Give the base address of an HTTP listener."""
        return f"http://{LOOPBACK}:{self.ports[listener]}"

    def urls(self, service: str) -> list[str]:
        """Give the base addresses of all HTTP listeners of a service."""
        names = sorted(self.ports)
        return [self.url(each) for each in names if _is_http_of(service, each)]


def _is_http_of(service: str, listener: str) -> bool:
    return listener.startswith(f"{service}-") and listener.endswith("-http")


def interpreter() -> dict[str, str]:
    """Give what any Python process of ours needs: our packages, few malloc arenas."""
    paths = [str(ROOT), str(ROOT / "protos" / "gen")] if (ROOT / "pyproject.toml").exists() else []
    paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    return {"PYTHONPATH": os.pathsep.join(paths), "MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"}


def role(service: str) -> str:
    """Give the database role of a service."""
    return f"svc_{service}"


def role_password(credentials: Credentials, service: str) -> str:
    """Give the password of a service's database role."""
    seed = credentials.role_seed.encode()
    return hmac.new(seed, service.encode(), hashlib.sha256).hexdigest()


def service(world: World, *, service: str, name: str) -> dict[str, str]:
    """Give the settings of one process of a service."""
    password = role_password(world.credentials, service)
    address = f"{LOOPBACK}:{world.postgres_port}/{DATABASE}"
    shared = {
        "KAFKA_BOOTSTRAP": world.kafka_bootstrap,
        "POSTGRES_DSN": f"postgresql://{role(service)}:{password}@{address}",
        "PARTITIONS": str(world.partitions),
        "REPLICAS": "1",
        "BIND_HOST": LOOPBACK,
        "HTTP_PORT": str(world.ports[f"{name}-http"]),
        "GRPC_PORT": str(world.ports[f"{name}-grpc"]),
        "AUTH_ISSUER": ISSUER,
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_JWKS": str(world.home.jwks),
        "TRACE_FILE": str(world.home.spans / f"{name}.jsonl"),
        "TRACE_RATIO": os.environ.get("SWITCHBOARD_TRACE_RATIO", TRACE_RATIO),
        "DEV": "true",
    }
    own = _OWN.get(service, _nothing)(world, name)
    return {f"SWITCHBOARD_{key}": value for key, value in (shared | own).items()}


def _intake(world: World, name: str) -> dict[str, str]:
    return {
        "PUBLIC_URL": world.url(f"{name}-http"),
        "ACCOUNT_KEY": world.credentials.account_key,
        "PROVIDER_API_URLS": json.dumps(_api_urls(world)),
        "LOOKUP_FIRST_MS": "100",  # the simulator lists at once, so doubt ends in seconds
    }


def _api_urls(world: World) -> dict[str, str]:
    """Give the simulator's address for every provider that it plays."""
    played = (each.provider for each in endpoints.simulated(world.credentials))
    return dict.fromkeys(played, world.url("simulator-http"))


def _feedback(world: World, name: str) -> dict[str, str]:
    return {
        "PUBLIC_URL": world.url(f"{name}-http"),
        "SURVEY_LINK_KEY": world.credentials.link_key,
        "SURVEY_DELAY_SECONDS": "1",
        "SURVEY_COOLDOWN_DAYS": "0",
    }


def _console(world: World, _name: str) -> dict[str, str]:
    upstreams = ("intake", "routing", "sla", "insights")
    return {f"{service.upper()}_TARGET": _target(world, service) for service in upstreams}


def _target(world: World, service: str) -> str:
    """Give the gRPC target of all processes of a service; port 1 where the stack has none."""
    ports = [
        port
        for name, port in sorted(world.ports.items())
        if name.startswith(f"{service}-") and name.endswith("-grpc")
    ]
    return "ipv4:" + ",".join(f"{LOOPBACK}:{port}" for port in ports or [1])


def _nothing(_world: World, _name: str) -> dict[str, str]:
    return {}


_OWN: Mapping[str, Callable[[World, str], dict[str, str]]] = {
    "intake": _intake,
    "feedback": _feedback,
    "console": _console,
}


def simulator(world: World) -> dict[str, str]:
    """Give the settings of the provider simulator."""
    accounts = endpoints.at_providers(world.credentials, world.urls("intake"))
    settings = {
        "PORT": str(world.ports["simulator-http"]),
        "SMTP_PORT": str(world.ports["simulator-smtp"]),
        "LEDGER": str(world.home.ledgers / "provider.jsonl"),
        "ACCOUNTS": json.dumps(accounts),
    }
    return {f"SIMULATOR_{key}": value for key, value in settings.items()}
