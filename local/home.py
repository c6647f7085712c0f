"""The data folder: everything the stack writes on this machine is somewhere under it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME_VARIABLE = "SWITCHBOARD_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """Names of the files and folders in one data folder."""

    path: Path

    @classmethod
    def choose(cls, option: Path | None = None) -> Home:
        """Take the option, else `SWITCHBOARD_HOME`, else `.switchboard` in the repository."""
        chosen = option or os.environ.get(HOME_VARIABLE)
        if chosen:
            return cls(Path(chosen).absolute())
        base = ROOT if (ROOT / "pyproject.toml").exists() else Path.cwd()
        return cls(base / ".switchboard")

    @property
    def state(self) -> Path:
        """What runs, where: written by the supervisor at each change. Holds secrets (0600)."""
        return self.path / "state.json"

    @property
    def credentials(self) -> Path:
        """Generated secrets (0600)."""
        return self.path / "credentials.json"

    @property
    def ports(self) -> Path:
        """Ports of the last start, taken again where they are free."""
        return self.path / "ports.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.path / "lock"

    @property
    def signing_key(self) -> Path:
        """Private key of the local token issuer (0600)."""
        return self.path / "issuer" / "key.pem"

    @property
    def jwks(self) -> Path:
        """Public key set of the local token issuer, read by the services."""
        return self.path / "issuer" / "jwks.json"

    @property
    def kafka(self) -> Path:
        """The broker's folder."""
        return self.path / "kafka"

    @property
    def postgres(self) -> Path:
        """The database server's folder."""
        return self.path / "postgres"

    @property
    def spans(self) -> Path:
        """Folder of span files, one a service process."""
        return self.path / "spans"

    @property
    def ledgers(self) -> Path:
        """Folder of what the outside saw: senders, agents, customers, the provider."""
        return self.path / "ledgers"

    def log(self, name: str) -> Path:
        """Give the log file of one process."""
        return self.path / "logs" / f"{name}.log"

    def once(self, name: str) -> Path:
        """Give the file with environment for the next start of one process, and that one alone."""
        return self.path / "once" / f"{name}.json"

    def create(self) -> None:
        """Make the folders that must be there before anything starts."""
        for folder in (self.path, self.log("x").parent, self.spans, self.ledgers):
            folder.mkdir(parents=True, exist_ok=True)
