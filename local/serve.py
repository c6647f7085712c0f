"""Runs a service as production does: without `rich`, which only the command line has.

structlog imports it wherever it is installed, and it would cost every process 7 MB.
"""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.modules["rich"] = None  # type: ignore[assignment] # how Python marks what can't be imported
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
