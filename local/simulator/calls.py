"""What the sending calls of all providers go through: who calls, and which fault is played."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import web

from local.simulator.faults import Dice

_BEFORE = frozenset({"throttle", "error_before", "drop_before"})
_BEARER = "Bearer "


class Errors(Protocol):
    """A provider's own words for what goes wrong with it."""

    def throttled(self) -> web.Response:
        """Too many calls."""

    def broken(self) -> web.Response:
        """Something of its own went wrong."""


async def called(
    request: web.Request, dice: Dice, accept: Callable[[], web.Response], errors: Errors
) -> web.StreamResponse:
    """Answer a call that is in order. `accept` has the effect, at most once."""
    fault = dice.call()
    if dice.happens("slow"):
        await asyncio.sleep(dice.faults.slow_ms / 1000)
    if fault in _BEFORE:
        return _play(fault, request, errors)
    answer = accept()
    return _play(fault, request, errors) if fault else answer


def _play(fault: str, request: web.Request, errors: Errors) -> web.StreamResponse:
    """Answer as the fault wants it."""
    if fault == "throttle":
        return errors.throttled()
    if fault in {"error_before", "error_after"}:
        return errors.broken()
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def bearer(request: web.Request) -> str:
    """The token that a call is made with; empty without one."""
    given = request.headers.get("Authorization", "")
    return given.removeprefix(_BEARER) if given.startswith(_BEARER) else ""


async def json_in(request: web.Request) -> Mapping[str, Any]:
    """The body, where it is a JSON object; else nothing."""
    try:
        told = json.loads(await request.read())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def object_in(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within; an empty one where there is none."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def text_in(of: Mapping[str, Any], name: str) -> str:
    """A text within; empty where there is none."""
    found = of.get(name)
    return found if isinstance(found, str) else ""
