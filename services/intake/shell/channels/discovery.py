"""Finds the channels: every module of this folder that has a `CHANNEL`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from services.intake.core.model import Channel as Medium
from services.intake.shell import channels
from services.intake.shell.channels import web_chat
from services.intake.shell.channels.protocol import Channel


def providers() -> Mapping[str, frozenset[Medium]]:
    """What an account may be of: by provider, the media. `api` accounts are for programs."""
    return {each.provider: each.media for each in discover()} | {"api": frozenset(Medium)}


def reaching() -> frozenset[str]:
    """The providers whose accounts reach people wherever they are: not only who looks at a page."""
    sending = {each.provider for each in discover() if each.sender is not None}
    return frozenset(sending - {web_chat.PROVIDER})


def discover() -> tuple[Channel, ...]:
    """The channels by the names of their files."""
    names = sorted(module.name for module in pkgutil.iter_modules(channels.__path__))
    modules = (importlib.import_module(f"{channels.__name__}.{name}") for name in names)
    found = (getattr(module, "CHANNEL", None) for module in modules)
    return tuple(channel for channel in found if isinstance(channel, Channel))
