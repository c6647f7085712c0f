"""The widget's file, and a page to try it on."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

FILE: Final = Path(__file__).resolve().parents[2] / "static" / "widget.js"
NOT_BUILT: Final = "The chat widget is not built: run `make widget` (it needs Node).\n"
_HEADERS: Final = {
    "access-control-allow-origin": "*",  # a site may pin the file by its hash
    "cache-control": "public, max-age=600, stale-while-revalidate=86400",
    "cross-origin-resource-policy": "cross-origin",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}
_EXAMPLE_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class WidgetFile:
    """The built widget, kept in memory plain and compressed."""

    plain: bytes
    compressed: bytes
    etag: str

    @classmethod
    def read(cls, path: Path = FILE) -> WidgetFile | None:
        """The file as it is now; None if nobody has built it."""
        if not path.is_file():
            return None
        plain = path.read_bytes()
        etag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
        return cls(plain, gzip.compress(plain, mtime=0), etag)

    def response(self, request: Request) -> Response:
        """The file, or that the browser has it."""
        headers = _HEADERS | {"etag": self.etag}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = self.plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers = self.compressed, headers | {"content-encoding": "gzip"}
        return Response(body, headers=headers, media_type="text/javascript")


def not_built() -> Response:
    """Says what is missing."""
    return PlainTextResponse(NOT_BUILT, 503)


def embedding(account_id: str, base_url: str) -> str:
    """What a page of the account's site contains."""
    source, account = escape(f"{base_url}/chat/widget.js"), escape(account_id)
    return f'<script src="{source}" data-account="{account}" async></script>'


def example(account_id: str, name: str, language: str) -> Response:
    """A page with the widget and nothing else on it."""
    title = escape(name or account_id)
    page = f"""<!doctype html>
<html lang="{escape(language or "en")}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
{embedding(account_id, "")}
</head>
<body>
<main><h1>{title}</h1><p>The chat is in the corner.</p></main>
</body>
</html>
"""
    return HTMLResponse(page, headers=_EXAMPLE_HEADERS)
