"""The simulator's own doors, which no provider has: faults, and the customers' handsets."""

from __future__ import annotations

import json
from dataclasses import dataclass

import orjson
from aiohttp import web

from local.simulator.book import Book
from local.simulator.faults import Faults, parse
from local.simulator.inbound import Handsets
from local.simulator.inbound import parse as parse_said
from local.simulator.weather import Weather


@dataclass(frozen=True, slots=True)
class Admin:
    """Handlers for tests and for the demo's customers."""

    book: Book
    weather: Weather
    handsets: Handsets

    def routes(self) -> list[web.RouteDef]:
        """Give the routes, all under `/admin` but the health check."""
        return [
            web.get("/healthz", self.healthz),
            web.get("/admin/faults", self.show_faults),
            web.put("/admin/faults", self.set_faults),
            web.put("/admin/faults/{provider}", self.set_faults_of),
            web.get("/admin/handsets", self.received),
            web.post("/admin/inbound", self.inbound),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Say that the simulator serves."""
        return web.Response(text="ok")

    async def show_faults(self, _request: web.Request) -> web.Response:
        """Give the faults in force and how often each was played, together and by provider."""
        return web.json_response(self.weather.told())

    async def set_faults(self, request: web.Request) -> web.Response:
        """Replace the faults of all; the seed's sequence starts anew. `{}` ends all faults."""
        try:
            self.weather.set_everywhere(await _faults_in(request))
        except (ValueError, TypeError) as problem:
            return _wrong(str(problem))
        return await self.show_faults(request)

    async def set_faults_of(self, request: web.Request) -> web.Response:
        """Replace the faults of one provider, until those of all are replaced."""
        provider = request.match_info["provider"]
        if not self.weather.has(provider):
            return _wrong(f"no such provider: {provider}", status=404)
        try:
            self.weather.set_at(provider, await _faults_in(request))
        except (ValueError, TypeError) as problem:
            return _wrong(str(problem))
        return web.json_response(self.weather.told_of(provider))

    async def inbound(self, request: web.Request) -> web.Response:
        """Let a customer write; answers when the provider has brought it, or has given up."""
        try:
            told = await self.handsets.write(parse_said(json.loads(await request.read())))
        except ValueError as problem:
            return _wrong(str(problem))
        return web.json_response(told)

    async def received(self, request: web.Request) -> web.StreamResponse:
        """Stream the messages that reach the handsets, a JSON line each, from number `after` on."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        async for number, message in self.book.follow(int(request.query.get("after", "0"))):
            line = {
                "number": number,
                "provider": message.provider,
                "sid": message.sid,
                "to": message.recipient,
                "from": message.sender,
                "body": message.body,
                "created_ms": message.created_ms,
            }
            await response.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        return response


async def _faults_in(request: web.Request) -> Faults:
    return parse(json.loads(await request.read()))


def _wrong(why: str, *, status: int = 400) -> web.Response:
    return web.json_response({"error": why}, status=status)
