"""Stands in for a worker that goes wrong, after it has greeted: as its last argument, a file, says.

`deaf` never answers, `dies` ends at each question and counts them in the file, `lies` answers with
what is no frame.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from services.intake.shell.mail.frames import PREFIX, Frame
from services.intake.shell.mail.worker import READY


def main() -> None:
    """Greet, then go wrong."""
    kind = sys.argv[-1]
    sys.stdout.buffer.writelines(Frame(READY).chunks())
    sys.stdout.buffer.flush()
    sys.stdin.buffer.read(PREFIX.size)
    if kind == "deaf":
        signal.pause()
    if kind == "lies":
        sys.stdout.buffer.write(PREFIX.pack(2**31, 0))
        sys.stdout.buffer.flush()
        signal.pause()
    with Path(kind).open("a", encoding="utf-8") as asked:
        asked.write("asked\n")
    sys.exit(3)


if __name__ == "__main__":
    main()
