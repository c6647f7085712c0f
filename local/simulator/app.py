"""Puts the simulator together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from aiohttp import web

from local.simulator.account import Account, Accounts
from local.simulator.admin import Admin
from local.simulator.book import Book
from local.simulator.inbound import Handsets
from local.simulator.media import Media
from local.simulator.posting import Poster
from local.simulator.provider import Desk, Provider
from local.simulator.providers import PROVIDERS
from local.simulator.providers.mail import Mail
from local.simulator.receipts import Courier, Pace
from local.simulator.weather import Weather


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the simulator keeps its ledger, and the accounts it serves.

    The relay listens at `smtp`, a host and a port; None leaves it out.
    """

    ledger: Path
    accounts: tuple[Account, ...] = ()
    pace: Pace = field(default_factory=Pace)
    smtp: tuple[str, int] | None = None


def build(settings: Settings) -> web.Application:
    """Give the application; needs a running loop."""
    book, weather, poster = Book(settings.ledger), Weather(PROVIDERS), Poster()
    courier = Courier(book=book, weather=weather, poster=poster, pace=settings.pace)
    media = Media()
    providers = {
        name: make(Desk(_of(name, settings), book, partial(weather.at, name), courier.carry, media))
        for name, make in PROVIDERS.items()
    }
    accounts = {each.account_id: each for each in settings.accounts}
    handsets = Handsets(book=book, poster=poster, providers=providers, accounts=accounts)
    app = web.Application()
    for provider in providers.values():
        app.add_routes(provider.routes())
    app.add_routes(media.routes())
    app.add_routes(Admin(book=book, weather=weather, handsets=handsets).routes())
    app.cleanup_ctx.append(_carrying(courier, poster, providers))
    app.cleanup_ctx.append(_relaying(providers, settings.smtp))
    return app


def _of(provider: str, settings: Settings) -> Accounts:
    return Accounts(each for each in settings.accounts if each.provider == provider)


def _carrying(
    courier: Courier, poster: Poster, providers: Mapping[str, Provider]
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def carrying(_app: web.Application) -> AsyncIterator[None]:
        await poster.start()
        courier.start(providers)
        yield
        await courier.stop()
        await poster.stop()

    return carrying


def _relaying(
    providers: Mapping[str, Provider], smtp: tuple[str, int] | None
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def relaying(_app: web.Application) -> AsyncIterator[None]:
        relay = providers["mail"]
        if smtp is None or not isinstance(relay, Mail):
            yield
            return
        server = await relay.listen(*smtp)
        yield
        server.close()
        await server.wait_closed()

    return relaying
