"""Finds the channels: every module of this folder that has a `CHANNEL`."""

from __future__ import annotations

import importlib
import pkgutil

from services.intake.shell import channels
from services.intake.shell.channels.protocol import Channel


def discover() -> tuple[Channel, ...]:
    """The channels by the names of their files."""
    names = sorted(module.name for module in pkgutil.iter_modules(channels.__path__))
    modules = (importlib.import_module(f"{channels.__name__}.{name}") for name in names)
    found = (getattr(module, "CHANNEL", None) for module in modules)
    return tuple(channel for channel in found if isinstance(channel, Channel))
