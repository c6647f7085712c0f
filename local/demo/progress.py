"""Live progress of a run, on stderr."""

from __future__ import annotations

import time

from rich.console import Console
from rich.live import Live
from rich.table import Table

from local.demo.figures import Figures
from local.demo.result import Run
from local.verify.finding import Kind

SHOWN = (
    "sent",
    "accepted",
    "offered",
    "assigned",
    "replied",
    "resolved",
    "surveyed",
    "answered",
)


class Progress:
    """Draws the counts while they grow; silent where nobody watches."""

    def __init__(self, console: Console, figures: Figures) -> None:
        """Draw on the console once entered."""
        self._figures = figures
        self._began_s = time.monotonic()
        self._phase = ""
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            refresh_per_second=2,
            transient=True,
            auto_refresh=console.is_terminal,
        )

    def __enter__(self) -> Progress:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Clear what was drawn."""
        self._live.stop()

    def phase(self, words: str) -> None:
        """Say what goes on now."""
        self._phase = words

    def _draw(self) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column(f"{time.monotonic() - self._began_s:5.0f} s")
        for name in SHOWN:
            table.add_column(name, justify="right")
        counts = (str(getattr(self._figures, name)) for name in SHOWN)
        table.add_row(self._phase, *counts)
        return table


def final_table(run: Run) -> Table:
    """Give the figures of a finished run."""
    table = Table("figure", "value", box=None, pad_edge=False)
    document = run.document()
    for name, value in document.items():
        if isinstance(value, int | float) and name not in {kind.value for kind in Kind}:
            table.add_row(name.replace("_", " "), f"{value:g}")
    for name in ("webhook_to_offer_ms", "webhook_to_delivered_ms"):
        words = ", ".join(f"{key} {_ms(value)}" for key, value in document[name].items())
        table.add_row(name.replace("_", " ").removesuffix(" ms"), words)
    memory = ", ".join(f"{service} {mb:.0f}" for service, mb in run.rss_mb.items())
    table.add_row("resident MB", memory)
    for name, count in run.figures.problems.items():
        table.add_row(f"[yellow]{name}[/]", str(count))
    return table


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
