"""Which token the upstream watches are made with."""

from __future__ import annotations

import asyncio

from services.console.shell.tokens import Tokens


async def test_the_latest_that_holds_is_the_best() -> None:
    tokens = Tokens()
    tokens.add("first")
    tokens.add("second")
    assert await tokens.best() == "second"
    tokens.refuse("second")
    assert await tokens.best() == "first"
    tokens.remove("second")
    tokens.add("second")
    assert await tokens.best() == "second"


async def test_two_browsers_may_hold_the_same_token() -> None:
    tokens = Tokens()
    tokens.add("shared")
    tokens.add("shared")
    tokens.remove("shared")
    assert await tokens.best() == "shared"


async def test_without_a_good_token_one_waits_for_the_next_browser() -> None:
    tokens = Tokens()
    tokens.add("old")
    tokens.refuse("old")
    waiting = asyncio.ensure_future(tokens.best())
    await asyncio.sleep(0)
    assert not waiting.done()
    tokens.add("new")
    assert await asyncio.wait_for(waiting, 5) == "new"
