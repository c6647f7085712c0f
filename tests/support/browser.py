"""The Chromium that the page tests drive: found on this machine, else fetched once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_TIMEOUT_S = 600


def executable() -> str | None:
    """Give the path of a Chromium: `CHROMIUM` names one, else the first on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next((path for path in map(shutil.which, NAMES) if path), None)


def fetch() -> None:
    """Install one: from the distribution as root on Debian, else Playwright's own build."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        commands = [
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", "chromium"],
        ]
    else:
        commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    for command in commands:
        subprocess.run(command, check=True, timeout=INSTALL_TIMEOUT_S)


def fetched() -> str | None:
    """Give Playwright's own Chromium where it has been fetched."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if Path(path).exists() else None


def lacking() -> str | None:
    """Give the sentence why no page can be tested here, None where one can."""
    if executable() or fetched():
        return None
    return "no Chromium here: install it (Debian: apt install chromium) or name it in CHROMIUM"


def main() -> int:
    """Make sure there is one; where there can't be, say so.

    The tier that needs it is then reported as skipped, with the same sentence.
    """
    if lacking() is None:
        return 0
    try:
        fetch()
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{lacking()}; fetching one failed: {error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
