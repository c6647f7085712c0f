"""One PostgreSQL cluster as a child process: create it, start it, know when it serves."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.errors import StackError
from local.ports import LOOPBACK
from local.postgres import config
from local.postgres.binaries import let_in, let_through, program, server_user
from local.process import Command

ADMIN = "switchboard_admin"
INITDB_TIMEOUT_S = 120.0
STOP_SIGNAL = signal.SIGINT
"""PostgreSQL's fast shutdown: open transactions are rolled back, sessions are closed."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One cluster under its own folder: `data/`, `postgres.log`; TCP on loopback, SCRAM only."""

    folder: Path
    port: int
    password: str
    durable: bool = True

    def dsn(self, *, database: str = "postgres", user: str = ADMIN, password: str = "") -> str:
        """Give a connection string; without a user, the administrator's."""
        return f"postgresql://{user}:{password or self.password}@{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Create the cluster where that is still to do.

        Raises:
            StackError: `initdb` failed; the text carries its words.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        self._data.chmod(0o700)
        user = server_user()
        if user is not None:
            let_in(self._data, uid=user[0], gid=user[1])
            let_through(program("postgres"))
        if not (self._data / "PG_VERSION").exists():
            self._initdb(user)

    def command(self, *, log: Path | None = None) -> Command:
        """Give the program to run; `prepare` comes before it is started."""
        user = server_user()
        settings = config.arguments(port=self.port, durable=self.durable)
        return Command(
            name="postgres",
            argv=(str(program("postgres")), "-D", str(self._data), *settings),
            log=log or self.folder / "postgres.log",
            cwd=self._data,
            uid=user and user[0],
            gid=user and user[1],
        )

    def is_ready(self, pid: int) -> bool:
        """Tell whether this process takes connections (recovery after a crash is over).

        The pid matters: a killed server leaves its file, which still says that it is ready.
        """
        lines = _lines(self._data / "postmaster.pid")
        if len(lines) <= _STATUS_LINE or lines[0].strip() != str(pid):
            return False
        return lines[_STATUS_LINE].strip() == "ready"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _initdb(self, user: tuple[int, int] | None) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".secret") as secret:
            secret.write(self.password)
            secret.flush()
            if user is not None:
                os.chown(secret.name, *user)
            self._run_initdb(Path(secret.name), user)

    def _run_initdb(self, secret: Path, user: tuple[int, int] | None) -> None:
        result = subprocess.run(
            [
                *(str(program("initdb")), "--pgdata", str(self._data), "--username", ADMIN),
                *("--auth", "scram-sha-256", "--pwfile", str(secret)),
                *("--encoding", "UTF8", "--locale-provider", "builtin", "--locale", "C.UTF-8"),
                *("--data-checksums",) * self.durable,
                *("--no-sync",) * (not self.durable),
            ],
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
            cwd=self._data,
            user=user and user[0],
            group=user and user[1],
            extra_groups=None if user is None else [],
        )
        if result.returncode != 0:
            raise StackError(f"PostgreSQL could not create its cluster:\n  {result.stderr.strip()}")


_STATUS_LINE = 7
"""`postmaster.pid`, eighth line: starting, ready, standby or stopping."""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def new_password() -> str:
    """Make a password that needs no quoting in a connection string."""
    return secrets.token_urlsafe(24)
