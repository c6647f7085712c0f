"""Puts the simulator together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from local.simulator.admin import Admin
from local.simulator.api import Api
from local.simulator.book import Book
from local.simulator.faults import Dice
from local.simulator.receipts import Courier, Pace


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the simulator keeps its ledger, and the account it serves."""

    ledger: Path
    account_sid: str
    auth_token: str
    pace: Pace = field(default_factory=Pace)


def build(settings: Settings) -> web.Application:
    """Give the application; needs a running loop."""
    book = Book(settings.ledger)
    courier = Courier(book=book, dice=Dice(), token=settings.auth_token, pace=settings.pace)
    api = Api(
        account_sid=settings.account_sid, token=settings.auth_token, book=book, courier=courier
    )
    app = web.Application()
    app.add_routes(api.routes())
    app.add_routes(Admin(book=book, courier=courier).routes())

    async def carry(_app: web.Application) -> AsyncIterator[None]:
        await courier.start()
        yield
        await courier.stop()

    app.cleanup_ctx.append(carry)
    return app
