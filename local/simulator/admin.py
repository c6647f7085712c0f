"""The simulator's own doors, which the provider lacks: faults, and what the handsets got."""

from __future__ import annotations

import json
from dataclasses import asdict

import orjson
from aiohttp import web

from local.simulator.book import Book
from local.simulator.faults import Dice, parse
from local.simulator.receipts import Courier


class Admin:
    """Handlers for tests and for the demo's customers."""

    def __init__(self, *, book: Book, courier: Courier) -> None:
        """Serve this book, change this courier's faults."""
        self._book = book
        self._courier = courier

    def routes(self) -> list[web.RouteDef]:
        """Give the routes, all under `/admin` but the health check."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/admin/faults", self.show_faults),
            web.put("/admin/faults", self.set_faults),
            web.get("/admin/handsets", self.handsets),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Say that the simulator serves."""
        return web.Response(text="ok")

    async def show_faults(self, _request: web.Request) -> web.Response:
        """Give the faults in force and how often each was played."""
        dice = self._courier.dice
        return web.json_response({"faults": asdict(dice.faults), "played": dict(dice.played)})

    async def set_faults(self, request: web.Request) -> web.Response:
        """Replace the faults; the seed's sequence starts anew. `{}` ends all faults."""
        try:
            faults = parse(await request.json())
        except (ValueError, TypeError, json.JSONDecodeError) as problem:
            return web.json_response({"error": str(problem)}, status=400)
        self._courier.dice = Dice(faults)
        return await self.show_faults(request)

    async def handsets(self, request: web.Request) -> web.StreamResponse:
        """Stream the messages that reach the handsets, a JSON line each, from number `after` on."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        async for number, message in self._book.follow(int(request.query.get("after", "0"))):
            line = {
                "number": number,
                "sid": message.sid,
                "to": message.recipient,
                "from": message.sender,
                "body": message.body,
                "created_ms": message.created_ms,
            }
            await response.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        return response
