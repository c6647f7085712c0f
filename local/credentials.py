"""Generated secrets of one data folder: made once, kept, never printed."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, fields

from local.files import read_json, write_json
from local.home import Home
from local.kafka.server import new_cluster_id


@dataclass(frozen=True, slots=True)
class Credentials:
    """Every secret the stack needs; all are URL-safe text."""

    kafka_cluster_id: str
    postgres_password: str
    """Administrator of the database server."""
    role_seed: str
    """Passwords of the services' roles are derived from it."""
    account_key: str
    """Encrypts the provider accounts' secrets at rest (32 bytes, base64url)."""
    link_key: str
    """Signs survey links."""
    provider_seed: str
    """Secrets of the accounts at the simulated providers are derived from it."""
    twilio_account_sid: str
    twilio_auth_token: str


def load(home: Home) -> Credentials:
    """Read the folder's secrets; make those that are missing and keep them."""
    known = read_json(home.credentials)
    wanted = {
        field.name: known.get(field.name) or _new(field.name) for field in fields(Credentials)
    }
    found = Credentials(**wanted)
    if asdict(found) != known:
        write_json(home.credentials, asdict(found))
    return found


def _new(name: str) -> str:
    if name == "kafka_cluster_id":
        return new_cluster_id()
    if name == "twilio_account_sid":
        return "AC" + secrets.token_hex(16)
    if name == "twilio_auth_token":
        return secrets.token_hex(16)
    return secrets.token_urlsafe(32)
