"""The page and its assets: static files, with headers that let them do nothing but their job."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

STATIC: Final = Path(__file__).resolve().parents[1] / "static"
NOT_BUILT: Final = "The console's page is not built: run `make console` (it needs Node).\n"
FOR_EVER: Final = "public, max-age=31536000, immutable"  # names of assets change with their content
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def routes(folder: Path = STATIC) -> list[BaseRoute]:
    """`/` and what it loads; where nothing was built, a sentence that says so."""
    if not (folder / "index.html").is_file():
        return [Route("/", _not_built)]
    return [Mount("/", _Guarded(StaticFiles(directory=folder, html=True)))]


async def _not_built(_: Request) -> Response:
    return PlainTextResponse(NOT_BUILT, 503)


class _Guarded:
    """Adds the headers to every answer."""

    def __init__(self, files: StaticFiles) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one file."""
        caching = FOR_EVER if scope["path"].startswith("/assets/") else "no-cache"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = caching if message["status"] in (200, 304) else "no-store"
                extra = {**HEADERS, "cache-control": found}
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in extra.items()),
                ]
            await send(message)

        try:
            await self._files(scope, receive, guarded)
        except HTTPException as error:
            answer = PlainTextResponse(error.detail, error.status_code)
            await answer(scope, receive, guarded)
